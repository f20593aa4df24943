import Foundation
import Testing

@testable import Judge

/// Real published data beside the project; tests that read it are skipped where it is absent.
enum RealData {
    static let repository = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()
    static let folder = repository.deletingLastPathComponent().appending(path: "shared/data")
    static var mtBench: String { folder.appending(path: "mt_bench").path }
    static var arenaHard: String { folder.appending(path: "arena_hard").path }
    static let isThere = FileManager.default.fileExists(atPath: folder.appending(path: "mt_bench/question.jsonl").path)
    static let absence: Comment = "../shared/data is absent: skipped"

    /// The 2,720 recorded judgments of GPT-4, unpacked.
    static func recordedJudgments() throws -> Data {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["gzip", "-dc", mtBench + "/model_judgment/gpt-4_single.jsonl.gz"]
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        let data = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return data
    }

    static let rows: [JudgmentRow] = (try? decodeJSONLines(recordedJudgments(), path: "record")) ?? []

    struct Score: Decodable {
        let turn1: Double
        let turn2: Double
        let average: Double
        let rows: Int
        let minusOne: Int
        let categories: [String: Double]

        enum CodingKeys: String, CodingKey {
            case turn1, turn2, average
            case rows = "n_rows"
            case minusOne = "n_minus1"
            case categories = "by_category"
        }
    }

    /// What FastChat's own `show_result.py` prints for the record, by model.
    static func scores() throws -> [String: Score] {
        struct File: Decodable { let models: [String: Score] }
        let data = try Data(contentsOf: folder.appending(path: "mt_bench/scores.json"))
        return try JSONDecoder().decode(File.self, from: data).models
    }

    static func categories() throws -> [QuestionID: String] {
        let suite = try MTBenchSuite(folder: mtBench)
        return Dictionary(uniqueKeysWithValues: suite.questions.map { ($0.id, $0.category) })
    }
}

/// A folder for one test.
struct Scratch {
    let path: String

    init() throws {
        path = FileManager.default.temporaryDirectory.appending(path: "judge-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    func remove() { try? FileManager.default.removeItem(atPath: path) }

    @discardableResult
    func write(_ text: String, to name: String) throws -> String {
        let file = URL(filePath: path).appending(path: name)
        try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: file)
        return file.path
    }

    func read(_ name: String) throws -> String {
        try String(contentsOf: URL(filePath: path).appending(path: name), encoding: .utf8)
    }
}
