import Archive
import ArgumentParser
import Foundation
import LabCore
import Trainer

/// `losslab campaign plot NAME --out FILE`: what each loss's score costs in KL.
struct CampaignPlot: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plot",
        abstract: "Draw a campaign's scores against KL: every setting of every loss, and the front.",
        discussion: """
            Reads the archive; nothing is trained, and a campaign that is not finished is drawn as far as it is. Exit \
            code 2 when no trial has both a score and a KL yet.
            """)

    @Argument(help: "Name of the campaign, as in `losslab campaign list`.")
    var name: String

    @OptionGroup var frontier: FrontierPictureOptions
    @OptionGroup var projectOption: ProjectOption

    func run() async throws {
        let project = try projectOption.resolve()
        let file = try frontier.picture.file()
        let archive = try openArchive(project)
        let files = try readingInput { try RunFiles.open(name, in: project.runs) }
        try await orFail {
            guard let found = try await campaignFrontier(of: name, archive, files) else {
                log("losslab: no trial of \(name) has both a score and a KL yet")
                throw ExitCode.nothingQualified
            }
            let shown = try frontier.names(or: found.shown, in: found.frontier)
            try await frontier.give(
                found.frontier, titled: "Campaign \(name)", showing: shown, to: file, project: project)
        }
    }
}

/// Where a frontier goes, and which losses stand out in it.
struct FrontierPictureOptions: ParsableArguments {
    /// As many as there are colours to tell apart.
    private static let mostLosses = 8

    @OptionGroup var picture: PictureOptions

    @Option(help: "Losses with a colour of their own, separated by commas. Default: DPO and the best.")
    var losses: String?

    func validate() throws {
        guard (losses?.split(separator: ",").count ?? 0) <= Self.mostLosses else {
            throw ValidationError("one picture has colours for \(Self.mostLosses) losses at most")
        }
    }

    func names(or usual: [String], in frontier: Frontier) throws -> [String] {
        guard let losses else { return usual }
        let names = losses.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
        let measured = Set(frontier.points.map(\.loss))
        if let unknown = names.first(where: { !measured.contains($0) }) {
            log("losslab: \(unknown) has no point here; there are \(measured.sorted().joined(separator: ", "))")
            throw ExitCode.badInput
        }
        return names
    }

    func give(
        _ frontier: Frontier, titled title: String, showing shown: [String], to file: PictureFile?, project: Project
    ) async throws {
        if let file { try await frontier.draw(titled: title, showing: shown, to: file, in: project) }
        if picture.format == .json { try printJSON(frontier) }
    }
}
