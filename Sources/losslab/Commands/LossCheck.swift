import ArgumentParser
import Foundation
import LabCore
import Trainer

/// `losslab loss check FILE...`: whether losses are sound, and what shape they have.
struct LossCheck: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Check losses on tensors, without training: soundness, shape, fingerprint.",
        discussion: """
            Takes files in any form: a loss file, a `self` method, fenced code. Exit code 0 when all are accepted, 2 when \
            one is rejected, 65 when a file cannot be read.
            """)

    @Argument(help: "Files with one loss each; - reads standard input.", completion: .file(extensions: ["py"]))
    var files: [String]

    @Flag(help: "Run generated code even where the kernel lacks Landlock or seccomp.")
    var allowUnsandboxed = false

    @OptionGroup var projectOption: ProjectOption
    @OptionGroup var formatOption: FormatOption

    struct Row: Codable {
        let path: String
        let screening: Screening
    }

    func run() async throws {
        let project = try projectOption.resolve()
        let texts = try readingInput { try files.map { ($0, try Self.text(of: $0)) } }
        let pool = WorkerPool(size: 1, configuration: project.workerConfiguration(allowUnsandboxed: allowUnsandboxed))
        var rows: [Row] = []
        try await orFail {
            let screener = PoolScreener(pool: pool)
            for (path, text) in texts {
                let name = path == "-" ? nil : URL(filePath: path).deletingPathExtension().lastPathComponent
                let screening = try await screener.screen(text, name: name)
                rows.append(Row(path: path, screening: screening))
                if formatOption.format == .table { print(Self.describe(path, screening)) }
            }
        }
        await pool.close()
        if formatOption.format == .json { try printJSON(rows) }
        if rows.contains(where: { !$0.screening.accepted }) { throw ExitCode.nothingQualified }
    }

    static func text(of path: String) throws -> String {
        let data =
            path == "-" ? FileHandle.standardInput.readDataToEndOfFile() : FileManager.default.contents(atPath: path)
        guard let data else { throw ValidationError("\(path) cannot be read; check the path") }
        guard let text = String(data: data, encoding: .utf8) else {
            throw ValidationError("\(path) is not UTF-8 text")
        }
        return text
    }

    static func describe(_ path: String, _ screening: Screening) -> String {
        var lines = ["\(path): \(screening.accepted ? "accepted" : "REJECTED") in \(decimal(screening.seconds, 2)) s"]
        for rejection in screening.rejections {
            let place = rejection.line.map { "line \($0): " } ?? ""
            lines.append("  \(rejection.code): \(place)\(rejection.message)")
        }
        for text in screening.removed ?? [] { lines.append("  left out: \(text)") }
        for text in screening.rewritten ?? [] { lines.append("  read otherwise: \(text)") }
        for check in screening.checks {
            // An accepted loss may still have shown something worth knowing: overflow far out, no gradient at the start.
            let state = check.passed ? "ok  " : screening.accepted ? "note" : "FAIL"
            lines.append("  \(state) \(check.name): \(check.measured)")
        }
        for sentence in screening.shape?.words ?? [] { lines.append("  shape: \(sentence)") }
        if let fingerprint = screening.fingerprint { lines.append("  fingerprint: \(fingerprint.hash)") }
        return lines.joined(separator: "\n")
    }
}
