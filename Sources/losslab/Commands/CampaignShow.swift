import Archive
import ArgumentParser
import ChatClient
import Foundation
import LabCore

struct CampaignCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "campaign", abstract: "Run, resume and read discovery campaigns.",
        subcommands: [
            CampaignRun.self, CampaignResume.self, CampaignList.self, CampaignShow.self, CampaignReportCommand.self,
            CampaignPlot.self,
        ])
}

/// `losslab campaign list`.
struct CampaignList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "List campaigns and their verdicts.")

    @OptionGroup var projectOption: ProjectOption
    @OptionGroup var formatOption: FormatOption

    func run() async throws {
        let archive = try openArchive(try projectOption.resolve())
        let rows = try await orFail { try await archive.campaigns() }
        if formatOption.format == .json { return try printJSON(rows) }
        var table = TextTable(["campaign", "world", "started", "candidates", "scored", "trials", "verdict", "winner"])
        for row in rows {
            table.add([
                row.name, row.world ?? "", row.started ?? "", "\(row.candidates)", "\(row.scored)", "\(row.trials)",
                row.verdict?.rawValue ?? "not finished", row.winner ?? "",
            ])
        }
        print(table.text)
    }
}

/// `losslab campaign show NAME`: configuration, progress and verdict.
struct CampaignShow: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show a campaign's configuration, state and confirmation.")

    @Argument(help: "Name of the campaign, as in `losslab campaign list`.")
    var name: String

    @OptionGroup var projectOption: ProjectOption
    @OptionGroup var formatOption: FormatOption

    struct State: Codable {
        let campaign: CampaignRow
        let manifest: CampaignManifest?
        let running: Bool
        let confirmation: Confirmation?
        /// What the proposing model was asked, cost and brought; absent without one.
        let model: ModelAccount?
        /// What all model calls used and cost, the judge's too; absent without any.
        let spending: ChatSpending?
        /// The part of `spending` for requests without an end, at its most: on their way now, or lost with a killed process.
        let unsettled: ChatSpending?
    }

    func run() async throws {
        let project = try projectOption.resolve()
        let archive = try openArchive(project)
        let state = try await orFail {
            guard let row = try await archive.campaigns().first(where: { $0.name == name }) else {
                log("losslab: there is no campaign \(name); `losslab campaign list` shows them")
                throw ExitCode.badInput
            }
            let manifest = try await archive.manifest(of: name)
            let spent = SpendingFile.read(spendingFile(of: "\(project.runs)/\(name)"))
            return State(
                campaign: row, manifest: manifest,
                running: (try? RunFiles.open(name, in: project.runs).isRunning) ?? false,
                confirmation: try await archive.confirmation(of: name),
                model: modelAccount(
                    of: manifest?.config, try await archive.snapshot(of: name), runDirectory: "\(project.runs)/\(name)"),
                spending: spent.totals.rows.isEmpty ? nil : spent.totals.total,
                unsettled: spent.open.calls == 0 ? nil : spent.open)
        }
        if formatOption.format == .json { return try printJSON(state) }
        let row = state.campaign
        let standing =
            state.running
            ? "running" : row.verdict == nil ? "not finished: losslab campaign resume \(name)" : "finished"
        print("\(row.name): \(standing); world \(row.world ?? "?"), begun \(row.started ?? "?")")
        print("\(row.candidates) candidates, \(row.scored) scored, \(row.trials) trials")
        if let model = state.model { print(modelSentences(model).joined(separator: "\n")) }
        if let spent = state.spending { print(sentence(on: spent)) }
        if let open = state.unsettled { print(sentence(onUnsettled: open, running: state.running)) }
        for sentence in state.confirmation?.summary ?? [] { print(sentence) }
        if state.confirmation != nil { print("the whole table: losslab campaign report \(name)") }
    }
}

/// `losslab campaign report NAME`: the report again, from the evidence on disk.
struct CampaignReportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report",
        abstract: "Print a campaign's report: ranked table, confirmation, verdict, where time went.")

    @Argument(help: "Name of the campaign, as in `losslab campaign list`.")
    var name: String

    @OptionGroup var projectOption: ProjectOption

    func run() async throws {
        let project = try projectOption.resolve()
        let archive = try openArchive(project)
        try await orFail { print(try await reportText(of: name, archive, project)) }
    }
}
