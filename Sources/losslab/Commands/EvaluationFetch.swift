import ArgumentParser
import ChatClient
import Foundation
import Judge
import LabConfig

/// `losslab evaluation fetch NAME`: installs a suite's questions, prompts and references.
struct EvaluationFetch: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fetch", abstract: "Install a suite's questions, prompts and reference answers.",
        discussion: """
            The files come from where the suite's manifest.json says, or from a folder of the same layout, and only files \
            with the pinned checksums are kept.
            """)

    @Argument(help: "The suite; `losslab evaluation list` shows them.")
    var name: String

    @Option(help: "Copy from this folder instead of downloading.", completion: .directory)
    var from: String?

    @OptionGroup var wait: WaitOptions

    @Flag(help: "Replace files that are there.")
    var force = false

    @OptionGroup var projectOption: ProjectOption
    @OptionGroup var formatOption: FormatOption

    private struct Report: Encodable {
        let suite: String
        let folder: String
        let installed: [String]
        let state: SuiteFolder.State
    }

    func run() async throws {
        let project = try projectOption.resolve()
        let report = try await judging {
            let known = try SuiteFolder.all(in: project.root + "/evaluation")
            guard let folder = known.first(where: { $0.manifest.name == name }) else {
                let names = known.map(\.manifest.name).joined(separator: ", ")
                throw JudgeError(.mismatch, "there is no suite named \(name) under evaluation/; there are: \(names)")
            }
            let installed = try await folder.install(from: from, force: force) { url, path, sha256, bytes in
                try await HTTPDownload(
                    timeouts: wait.timeouts.over(HTTPDownload.usualTimeouts), notes: { log("losslab: \($0)") }
                ).download(url, to: path, sha256: sha256, size: bytes)
            }
            return Report(suite: name, folder: folder.path, installed: installed, state: folder.state)
        }
        switch formatOption.format {
        case .json: try printJSON(report)
        case .table:
            print(
                report.installed.isEmpty
                    ? "\(name) is installed in \(report.folder)."
                    : "\(name): \(report.installed.joined(separator: ", ")) installed in \(report.folder).")
        }
    }
}
