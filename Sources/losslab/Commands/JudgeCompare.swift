import ArgumentParser
import Foundation
import Judge
import LabCore

/// `losslab judge compare A B`: the paired difference of two judged models, with its interval.
struct JudgeCompare: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare",
        abstract: "The difference between two judged models, question by question, with its error.",
        discussion: """
            A and B are judgment files in FastChat's layout, or folders that `losslab judge run` wrote. Where a file holds \
            several models, --model-a and --model-b say which.
            """)

    @Argument(help: "Judgments of the first model.", completion: .file())
    var first: String

    @Argument(help: "Judgments of the second model.", completion: .file())
    var second: String

    @Option(help: "The first model's name, in a file with several.")
    var modelA: String?

    @Option(help: "The second model's name, in a file with several.")
    var modelB: String?

    @OptionGroup var formatOption: FormatOption

    private struct Report: Encodable {
        let comparison: JudgeComparison

        enum CodingKeys: String, CodingKey { case significant, verdict }

        func encode(to encoder: any Encoder) throws {
            try comparison.encode(to: encoder)
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(comparison.significant, forKey: .significant)
            try container.encode(comparison.verdict, forKey: .verdict)
        }
    }

    func run() async throws {
        let comparison = try await judging {
            try JudgeComparison(
                rowsOfOneModel(in: first, named: modelA, option: "--model-a"),
                rowsOfOneModel(in: second, named: modelB, option: "--model-b"))
        }
        switch formatOption.format {
        case .json: try printJSON(Report(comparison: comparison))
        case .table:
            var table = TextTable(["difference", "±", "95 %", "p", "questions", "correlation"])
            table.add([
                decimal(comparison.difference, 2), decimal(comparison.standardError, 2),
                "\(decimal(comparison.interval[0], 2)) to \(decimal(comparison.interval[1], 2))",
                comparison.pValue < 0.0001 ? "< 0.0001" : decimal(comparison.pValue, 4), "\(comparison.questions)",
                cell(comparison.correlation),
            ])
            print("\(comparison.first) minus \(comparison.second)\n\n\(table.text)\n\n\(comparison.verdict)")
        }
    }
}

/// The judgment file that a path means: itself, or the one in a folder.
func judgmentFile(_ path: String) throws -> String {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
        throw JudgeError(.unreadable, "\(path) is missing")
    }
    guard isFolder.boolValue else { return path }
    let names = try FileManager.default.contentsOfDirectory(atPath: path).filter { $0.hasSuffix("_single.jsonl") }
    guard names.count == 1 else {
        throw JudgeError(
            .mismatch, "\(path) holds \(names.count) files named JUDGE_single.jsonl; name the one that is meant")
    }
    return path + "/" + names[0]
}

private func rowsOfOneModel(in path: String, named name: String?, option: String) throws -> [JudgmentRow] {
    let file = try judgmentFile(path)
    let models = rowsByModel(try JudgmentRow.read(file))
    let known = models.keys.sorted().joined(separator: ", ")
    if let name {
        guard let rows = models[name] else {
            throw JudgeError(.mismatch, "\(file) has no judgments of \(name); it has: \(known)")
        }
        return rows
    }
    guard models.count == 1, let rows = models.values.first else {
        throw JudgeError(.mismatch, "\(file) holds \(models.count) models (\(known)); say which with \(option)")
    }
    return rows
}
