import Archive
import ArgumentParser
import Foundation
import LabCore

struct ArchiveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "archive", abstract: "The ranked record of losses: list, show, export, check, restore.",
        subcommands: [
            ArchiveList.self, ArchiveShow.self, ArchiveLineage.self, ArchiveExport.self, ArchiveRebuild.self,
            ArchiveVerify.self, ArchiveReruns.self,
        ])
}

/// `losslab archive list`: one row a loss, the best lower confidence bound first.
struct ArchiveList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List losses with their scores and errors.")

    @Option(help: "Only this campaign; default: all.")
    var campaign: String?

    @Flag(help: "Also list rejected, duplicate and failed candidates in the table.")
    var all = false

    @OptionGroup var projectOption: ProjectOption
    @OptionGroup var formatOption: FormatOption

    func run() async throws {
        let archive = try openArchive(try projectOption.resolve())
        let rows = try await orFail { try await archive.losses(of: campaign) }
        switch formatOption.format {
        case .json:
            try printJSON(rows)
        case .table:
            var table = TextTable([
                "campaign", "id", "loss", "arm", "score", "± se", "greedy", "KL", "lr", "beta", "trials", "from dpo",
                "± se ", "confirmed", "status",
            ])
            for row in rows where all || row.score != nil {
                table.add([
                    row.campaign, "\(row.id)", row.name, row.arm.rawValue, cell(row.score), cell(row.standardError),
                    cell(row.greedy), cell(row.kl), row.learningRate.map(compact) ?? "—", row.beta.map(compact) ?? "—",
                    "\(row.trials)", cell(row.differenceFromDPO), cell(row.differenceFromDPOStandardError),
                    cell(row.confirmedScore), row.reason.map { "\(row.status): \($0)" } ?? row.status,
                ])
            }
            print(table.text)
        }
    }
}

/// Which loss of which campaign.
struct LossPlace: ParsableArguments {
    @Argument(help: "Campaign, as in `losslab campaign list`.")
    var campaign: String

    @Argument(help: "Number or name of the loss.")
    var loss: String

    func candidate(_ archive: SQLiteArchive) async throws -> Candidate? {
        try await archive.candidate(loss, of: campaign)
    }

    /// Says that there is no such loss; the exit code for it.
    func missing() -> ExitCode {
        log("losslab: campaign \(campaign) has no loss \(loss); `losslab archive list --all` shows them")
        return .badInput
    }
}

/// `losslab archive show CAMPAIGN LOSS`: everything about one loss.
struct ArchiveShow: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show one loss: its code, shape, trials and scores.")

    @OptionGroup var place: LossPlace
    @OptionGroup var projectOption: ProjectOption
    @OptionGroup var formatOption: FormatOption

    struct Details: Codable {
        let candidate: Candidate
        let trials: [TrialRecord]
        let reruns: [RerunRecord]
    }

    func run() async throws {
        let archive = try openArchive(try projectOption.resolve())
        let details = try await orFail {
            guard let candidate = try await place.candidate(archive) else { throw place.missing() }
            return Details(
                candidate: candidate, trials: try await archive.trials(of: candidate.id, in: place.campaign),
                reruns: try await reruns(of: candidate, archive))
        }
        if formatOption.format == .json { return try printJSON(details) }
        let candidate = details.candidate
        print(
            "\(candidate.id) \(candidate.proposal.name)  (\(candidate.arm.rawValue), \(candidate.proposal.operation))")
        if let tuned = candidate.tuned {
            print("score \(decimal(tuned.score.mean)) ± \(cell(tuned.score.standardError)) at \(tuned.setting)")
        }
        if case .rejected(let rejection) = candidate.status {
            print("rejected: \(rejection.code): \(rejection.message)")
        }
        for sentence in candidate.shape?.words ?? [] { print("shape: \(sentence)") }
        var table = TextTable(["trial", "score", "greedy", "KL", "seconds", "outcome"])
        for trial in details.trials {
            switch trial.outcome {
            case .scored(let result):
                table.add([
                    trial.spec.slug, decimal(result.score), decimal(result.greedyScore), cell(result.kl),
                    decimal(result.seconds, 1), "scored",
                ])
            case .rejected(let rejection):
                table.add([trial.spec.slug, "—", "—", "—", "—", "\(rejection.code): \(rejection.message)"])
            }
        }
        if !details.trials.isEmpty { print(table.text) }
        if let text = rerunTable(of: candidate.source, details.reruns) { print("\n" + text) }
        if let source = candidate.source { print("\n" + source.text) }
    }

    private func reruns(of candidate: Candidate, _ archive: SQLiteArchive) async throws -> [RerunRecord] {
        guard let source = candidate.source else { return [] }
        return try await archive.reruns(ofText: ContentHash.sha256(source.text))
    }
}

/// `losslab archive lineage CAMPAIGN LOSS`: ancestors and descendants.
struct ArchiveLineage: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lineage", abstract: "Show what a loss was made from, and what was made from it.")

    @OptionGroup var place: LossPlace
    @OptionGroup var projectOption: ProjectOption
    @OptionGroup var formatOption: FormatOption

    func run() async throws {
        let archive = try openArchive(try projectOption.resolve())
        let lineage = try await orFail {
            guard let candidate = try await place.candidate(archive),
                let lineage = try await archive.lineage(of: candidate.id, in: place.campaign)
            else { throw place.missing() }
            return lineage
        }
        if formatOption.format == .json { return try printJSON(lineage) }
        var table = TextTable(["relation", "id", "loss", "made by", "parents", "score", "± se"])
        func add(_ node: LineageNode, _ relation: String) {
            table.add([
                relation, "\(node.id)", node.name, node.operation,
                node.parents.map(\.description).joined(separator: " "),
                cell(node.score), cell(node.standardError),
            ])
        }
        for node in lineage.ancestors.reversed() { add(node, "ancestor \(node.distance)") }
        add(lineage.loss, "itself")
        for node in lineage.descendants { add(node, "descendant \(node.distance)") }
        print(table.text)
    }
}

/// Opens the archive for reading; what is wrong with it is told with the next step.
func openArchive(_ project: Project) throws -> SQLiteArchive {
    try readingInput { try SQLiteArchive(project.archive, readOnly: true) }
}

/// `6.12`, or a dash where there is no number.
func cell(_ value: Double?) -> String { value.map { decimal($0, 2) } ?? "—" }
