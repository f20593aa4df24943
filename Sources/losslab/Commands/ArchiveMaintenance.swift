public import Archive
public import ArgumentParser
import Foundation
import LabCore

extension ExportFormat: ExpressibleByArgument {}

/// `losslab archive export`: everything as JSON, or one line a loss as CSV.
struct ArchiveExport: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Write the archive, or one campaign of it, as JSON or CSV.")

    @Option(help: "Only this campaign; default: all.")
    var campaign: String?

    @Option(name: .customLong("as"), help: "json or csv.")
    var exportFormat: ExportFormat = .json

    @Flag(help: "Leave out clock times and machine, so that equal campaigns give equal bytes.")
    var canonical = false

    @OptionGroup var projectOption: ProjectOption

    func run() async throws {
        let archive = try openArchive(try projectOption.resolve())
        try await orFail {
            try await archive.export(campaign, as: exportFormat, canonical: canonical) { text in
                // A file gets every byte as it is; a terminal would obey some.
                let shown = isatty(STDOUT_FILENO) == 1 ? text.printable : text
                try FileHandle.standardOutput.write(contentsOf: Data(shown.utf8))
            }
        }
    }
}

/// `losslab archive rebuild`: restores the archive from the run directories.
struct ArchiveRebuild: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rebuild", abstract: "Restore the archive from the run directories.")

    @OptionGroup var projectOption: ProjectOption
    @OptionGroup var formatOption: FormatOption

    func run() async throws {
        let project = try projectOption.resolve()
        let report = try await orFail { try await SQLiteArchive.rebuild(project.archive, from: project.runs) }
        if formatOption.format == .json { return try printJSON(report) }
        let reruns = report.reruns > 0 ? ", \(report.reruns) reruns" : ""
        print("restored \(report.campaigns.count) campaigns, \(report.losses) losses, \(report.trials) trials\(reruns)")
        if let moved = report.movedAside { print("the damaged archive was moved to \(moved)") }
        for name in report.onlyInArchive { print("kept \(name), which has no run directory") }
        for problem in report.unreadable { print("unreadable: \(problem)") }
    }
}

/// `losslab archive verify`: every row against its file, and back, and every file against what the run wrote.
struct ArchiveVerify: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract:
            "Compare every row and column of the archive with the run directories, and their files with their chains.",
        discussion: """
            Every file that a run writes stands with its SHA-256 in the run's manifest.chain; what is covered, and what is \
            not, is told. Runs of older versions have no chain, which is no error. Exit code 1 when something disagrees.
            """)

    @Option(help: "Only this campaign; default: all.")
    var campaign: String?

    @OptionGroup var projectOption: ProjectOption
    @OptionGroup var formatOption: FormatOption

    func run() async throws {
        let project = try projectOption.resolve()
        let archive = try openArchive(project)
        let found = try await orFail { try await archive.verification(against: project.runs, campaign: campaign) }
        let disagreements = found.disagreements
        switch formatOption.format {
        case .json: try printJSON(found)
        case .table:
            print(
                disagreements.isEmpty
                    ? "archive and run directories agree" : disagreements.map(\.description).joined(separator: "\n"))
            for run in found.coverage { print(Self.sentence(on: run)) }
        }
        if !disagreements.isEmpty { throw ExitCode.failure }
    }

    /// How many file names a line shows.
    private static let shown = 8

    private static func sentence(on run: RunCoverage) -> String {
        let names = run.notCovered.prefix(shown).joined(separator: ", ")
        let rest = run.notCovered.count > shown ? " and \(run.notCovered.count - shown) more" : ""
        guard run.links > 0 else {
            return
                "\(run.name): not covered: a run of an older version, without a chain; its rows were compared with its files"
        }
        let open = run.notCovered.isEmpty ? "that is every file of the run" : "not covered: \(names)\(rest)"
        return "\(run.name): \(run.covered) files covered by their SHA-256; \(open)"
    }
}
