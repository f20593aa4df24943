import Archive
import Foundation
import GRDB
import LabCore
import Testing

@Suite struct RerunTests {
    private func score(_ name: String, accuracy: Double?, text: String = "text") -> RerunScore {
        RerunScore(
            name: name, textHash: ContentHash.sha256(text + name), control: false, campaign: nil, candidate: nil,
            setting: accuracy.map { _ in Setting(learningRate: 1e-3, beta: 0.1) }, onGridEdge: false, trainings: 3,
            metrics: accuracy.map { ["accuracy": Estimate(mean: $0, standardError: 0.02, count: 3)] } ?? [:],
            differences: [:], pValue: nil, overLength: nil, seedAccuracies: [],
            breaks: [
                RerunBreak(
                    setting: Setting(learningRate: 1e-2, beta: 0.1), seed: 1,
                    rejection: Rejection(code: "diverged", message: "the loss became NaN"))
            ], before: nil, problem: accuracy == nil ? "no setting lasted" : nil)
    }

    static func record() -> RerunRecord { RerunTests().record() }

    private func record(_ id: String = "a-1", at: String = "2026-01-01T00:00:00Z", _ losses: [RerunScore]? = nil)
        -> RerunRecord
    {
        RerunRecord(
            id: id, at: at, dataset: "pairs.jsonl", heldOut: nil, model: "model", options: [:],
            grid: SettingGrid(learningRates: [1e-3], betas: [0.1]), seeds: [1, 2, 3], against: "dpo",
            pairs: RerunPairs(training: 10, unusable: 1, truncated: 0, choosing: 2, scoring: 4, prompts: 3),
            klOf: "held-out answers", baselines: [],
            losses: losses ?? [score("soft", accuracy: 0.6), score("dpo", accuracy: 0.5)],
            versions: ["losslab": "0"], device: nil, notes: [])
    }

    @Test func aRerunIsFoundByTheTextOfEachOfItsLosses() async throws {
        let folder = try TemporaryFolder()
        let archive = try SQLiteArchive(folder.path + "/a.sqlite")
        try await archive.record(record("old"))
        try await archive.record(record("new", at: "2026-02-01T00:00:00Z", [score("dpo", accuracy: 0.4)]))
        let hash = ContentHash.sha256("textdpo")
        #expect(try await archive.reruns(ofText: hash).map(\.id) == ["new", "old"])
        #expect(try await archive.reruns(ofText: ContentHash.sha256("textsoft")).map(\.id) == ["old"])
        #expect(try await archive.reruns(ofText: "none").isEmpty)
    }

    @Test func theSameRerunAgainTakesTheFirstOnesPlace() async throws {
        let folder = try TemporaryFolder()
        let archive = try SQLiteArchive(folder.path + "/a.sqlite")
        try await archive.record(record())
        try await archive.record(record("a-1", [score("dpo", accuracy: nil)]))
        let found = try await archive.reruns()
        #expect(found.count == 1 && found[0].losses.map(\.name) == ["dpo"])
        let database = try DatabaseQueue(path: folder.path + "/a.sqlite")
        let statuses = try await database.read {
            try String.fetchAll($0, sql: "SELECT status FROM reruns WHERE accuracy IS NULL")
        }
        #expect(statuses == ["rejected"])
    }

    @Test func filesAndRowsAreVerifiedAndRestored() async throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/a.sqlite"
        let files = RerunFiles(in: folder.path)
        try files.keep(record())
        let archive = try SQLiteArchive(path)
        #expect(try await archive.verify(against: folder.path).map(\.kind) == [.missingRow])
        #expect(try await SQLiteArchive.rebuild(path, from: folder.path).reruns == 1)
        #expect(try await archive.verify(against: folder.path).isEmpty)
        #expect(try await archive.reruns() == [record()])
        try files.keep(record("a-1", at: "2027-01-01T00:00:00Z"))
        #expect(try await archive.verify(against: folder.path).map(\.kind) == [.different])
        try folder.write(Array("{".utf8), to: "reruns/a-1/rerun.json")
        #expect(try await archive.verify(against: folder.path).map(\.kind) == [.unreadable])
        #expect(try await SQLiteArchive.rebuild(path, from: folder.path).unreadable.count == 1)
        try FileManager.default.removeItem(atPath: folder.path + "/reruns")
        #expect(try await archive.verify(against: folder.path).map(\.kind) == [.missingFile])
    }

    @Test func anArchiveFromBeforeRerunsIsReadAsItIs() async throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/a.sqlite"
        _ = try SQLiteArchive(path)
        let database = try DatabaseQueue(path: path)
        try await database.write {
            try $0.execute(sql: "DROP TABLE reruns; DELETE FROM grdb_migrations WHERE identifier = '2-reruns'")
        }
        try database.close()
        #expect(try await SQLiteArchive(path, readOnly: true).reruns().isEmpty)
        let archive = try SQLiteArchive(path)
        try await archive.record(record())
        #expect(try await archive.reruns().count == 1)
    }

    @Test func theExportHoldsRerunsAndTheCanonicalOneNoClock() async throws {
        let folder = try TemporaryFolder()
        let archive = try SQLiteArchive(folder.path + "/a.sqlite")
        try await archive.record(record())
        func exported(canonical: Bool) async throws -> String {
            let text = Collected()
            try await archive.export(canonical: canonical) { text.append($0) }
            _ = try JSONSerialization.jsonObject(with: Data(text.value.utf8))
            return text.value
        }
        #expect(try await exported(canonical: false).contains("2026-01-01"))
        #expect(try await !exported(canonical: true).contains("2026-01-01"))
    }
}
