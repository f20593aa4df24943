import Foundation
import GRDB
import LabCore
import LabTesting
import Testing

@testable import Archive

/// Whatever is changed by hand, in the database or in a run directory, is found.
@Suite struct ForgeryTests {
    /// A finished campaign with every kind of file that a run has.
    private func campaign() async throws -> RecordedCampaign {
        let campaign = try await RecordedCampaign()
        let directory = try RunDirectory.resume("first", in: campaign.runs)
        let recorder = try await RunRecorder(directory, campaign.archive)
        let spec = Example.spec(seed: 1, fidelity: .full)
        try directory.keep(
            [
                GradedAnswer(
                    questionID: 1, decoding: "greedy", sample: 0, turns: ["an answer"], scores: [4], explanations: [""])
            ], of: "soft", spec)
        try directory.keep("# Report\n", as: "report.md")
        try directory.append(.started(campaign: "first", resumed: true))
        try directory.steps.store(Array("value".utf8), for: "generation/1")
        try campaign.folder.write(Array("<svg/>".utf8), to: "first/frontier.svg")
        try campaign.folder.write(Array("{}\n".utf8), to: "first/conversations/0001.jsonl")
        // A file that is there and holds nothing is a file all the same.
        try campaign.folder.write([], to: "first/spending.jsonl")
        try await recorder.record(
            [
                RecordedCandidate(
                    Example.candidate(4, "late", mean: 6.1),
                    trials: [TrialRecord(spec: spec, outcome: Example.outcome(spec, mean: 6.1))],
                    screening: Screening(accepted: true, name: "late", source: "def loss(): ..."))
            ], of: "first")
        try await directory.seal(for: campaign.archive)
        return campaign
    }

    private func verification(_ campaign: RecordedCampaign) async throws -> SQLiteArchive.Verification {
        try await campaign.archive.verification(against: campaign.runs)
    }

    @Test func everyFileOfARunIsCovered() async throws {
        let campaign = try await campaign()
        let found = try await verification(campaign)
        #expect(found.disagreements == [])
        let coverage = try #require(found.coverage.first)
        #expect(coverage.name == "first" && coverage.notCovered == [], "\(coverage.notCovered)")
        let files = campaign.folder.files.filter { $0.hasPrefix("first/") }
        #expect(coverage.covered == files.count - 2, "all but the lock and the chain itself")
        #expect(coverage.covered > 15)
    }

    @Test func everyStoredColumnIsComparedWithTheRunDirectory() async throws {
        let campaign = try await campaign()
        let database = try DatabaseQueue(path: campaign.archivePath)
        let tables = ["campaigns", "candidates", "parents", "trials", "confirmations", "comparisons"]
        var forged = 0
        for table in tables {
            let columns = try await database.read { try $0.columns(in: table).map(\.name) }
            for column in columns where column != "chain" {
                let before = try database.read { try Row.fetchAll($0, sql: "SELECT * FROM \(table)") }
                try #require(!before.isEmpty, "\(table)")
                let isNumber = before.contains { row in
                    if case .string? = (row[column] as DatabaseValue?)?.storage { false } else { true }
                }
                try await database.writeWithoutTransaction { database in
                    try database.execute(sql: "PRAGMA foreign_keys = OFF")
                    try database.execute(
                        sql: "UPDATE OR IGNORE \(table) SET \(column) = ?",
                        arguments: [isNumber ? 9.databaseValue : "forged".databaseValue])
                }
                let found = try? await verification(campaign)
                #expect(found?.disagreements.isEmpty != true, "\(table).\(column) was forged and not found")
                forged += 1
                _ = try await SQLiteArchive.rebuild(campaign.archivePath, from: campaign.runs)
                try await database.write { database in
                    // Rows that now belong to no campaign of this name are not the rebuild's to remove.
                    try database.execute(sql: "DELETE FROM campaigns WHERE name <> 'first'")
                    for other in tables.dropFirst() {
                        try database.execute(sql: "DELETE FROM \(other) WHERE campaign <> 'first'")
                    }
                }
            }
            #expect(try await verification(campaign).disagreements == [], "\(table) is restored")
        }
        #expect(forged > 75)
    }

    @Test func whatIsForgedIsNamedWithBothValues() async throws {
        let campaign = try await campaign()
        let database = try DatabaseQueue(path: campaign.archivePath)
        try await database.write { try $0.execute(sql: "UPDATE candidates SET score = 9.9 WHERE name = 'soft'") }
        let message = try #require(try await verification(campaign).disagreements.first).message
        #expect(
            message.hasPrefix("the archive's candidates.score of 1 is 9.9, the run directory gives 6.5"), "\(message)")
        #expect(message.contains("losslab archive rebuild"))
    }

    @Test func everyByteOfEveryFileIsFound() async throws {
        let campaign = try await campaign()
        let files = campaign.folder.files.filter { $0.hasPrefix("first/") && $0 != "first/lock" }
        for file in files {
            let bytes = try #require(campaign.folder.bytes(file))
            for forgery in [Array(bytes.dropLast()), bytes.replacingLast(), []] where forgery != bytes && !bytes.isEmpty
            {
                try campaign.folder.write(forgery, to: file)
                let found = try? await verification(campaign)
                #expect(found?.disagreements.isEmpty != true, "\(file) was changed and not found")
            }
            try FileManager.default.removeItem(atPath: "\(campaign.folder.path)/\(file)")
            let missed = try? await verification(campaign)
            if file.hasPrefix("first/answers/") {
                #expect(missed?.coverage[0].notCovered.first?.hasSuffix("which was deleted") == true)
            } else {
                #expect(missed?.disagreements.isEmpty != true, "\(file) is gone and not missed")
            }
            try campaign.folder.write(bytes, to: file)
        }
        #expect(try await verification(campaign).disagreements == [])
    }

    @Test func answersUntrainedScoresReportsAndTheSeedAreAmongThem() async throws {
        let campaign = try await campaign()
        func change(_ file: String, _ old: String, _ new: String) async throws -> [ArchiveDisagreement] {
            let bytes = try #require(campaign.folder.bytes("first/\(file)"))
            let text = String(decoding: bytes, as: UTF8.self)
            try #require(text.contains(old), "\(file)")
            try campaign.folder.write(Array(text.replacing(old, with: new).utf8), to: "first/\(file)")
            defer { try? campaign.folder.write(bytes, to: "first/\(file)") }
            return try await verification(campaign).disagreements
        }
        let answers = try #require(campaign.folder.files.first { $0.contains("/answers/") }).dropFirst(6)
        #expect(try await change(String(answers), "an answer", "a better one").count == 1)
        #expect(try await change("report.md", "Report", "Triumph").count == 1)
        let seed = try await change("manifest.json", "\"seed\" : 7", "\"seed\" : 8")
        #expect(seed.contains { $0.path.hasSuffix("manifest.json") })
    }

    @Test func aChainThatWasCutRewrittenOrTakenAwayIsFound() async throws {
        let campaign = try await campaign()
        let path = "first/\(RunChain.file)"
        let bytes = try #require(campaign.folder.bytes(path))
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
        // Without its last lines; without one in the middle; and a whole new chain over forged files.
        try campaign.folder.write(Array((lines.dropLast(8).joined(separator: "\n") + "\n").utf8), to: path)
        #expect(
            try await verification(campaign).disagreements.contains { $0.message.contains("was cut or written anew") })
        try campaign.folder.write(Array(((lines[..<3] + lines[4...]).joined(separator: "\n") + "\n").utf8), to: path)
        #expect(
            try await verification(campaign).disagreements.contains { $0.message.contains("was changed at line 4") })
        try FileManager.default.removeItem(atPath: "\(campaign.folder.path)/\(path)")
        #expect(
            try await verification(campaign).disagreements.contains {
                $0.message.contains("is gone, though the archive")
            })
        try campaign.folder.write(Array("# Triumph\n".utf8), to: "first/report.md")
        let anew = try RunChain("\(campaign.folder.path)/first")
        try anew.cover(filesAt: campaign.folder.files.filter { $0.hasPrefix("first/") }.map { String($0.dropFirst(6)) })
        #expect(
            try await verification(campaign).disagreements.contains { $0.message.contains("was cut or written anew") })
    }

    @Test func aRunOfAnOlderVersionIsToldAsNotCovered() async throws {
        let campaign = try await campaign()
        try FileManager.default.removeItem(atPath: "\(campaign.folder.path)/first/\(RunChain.file)")
        let database = try DatabaseQueue(path: campaign.archivePath)
        try await database.write { try $0.execute(sql: "ALTER TABLE campaigns DROP COLUMN chain") }
        let old = try await SQLiteArchive(campaign.archivePath, readOnly: true).verification(against: campaign.runs)
        #expect(old.disagreements == [])
        #expect(old.coverage.map(\.links) == [0] && old.coverage[0].notCovered.count > 15)
    }

    @Test func resumingAnOlderRunCoversOnlyWhatItWrites() async throws {
        let campaign = try await campaign()
        try FileManager.default.removeItem(atPath: "\(campaign.folder.path)/first/\(RunChain.file)")
        let directory = try RunDirectory.resume("first", in: campaign.runs)
        try directory.keep("# Report, again\n", as: "report.md")
        try await directory.seal(for: campaign.archive)
        let coverage = try #require(
            try await SQLiteArchive(campaign.folder.path + "/other.sqlite").verification(against: campaign.runs)
                .coverage
                .first)
        #expect(coverage.notCovered.contains("candidates/0001-soft/candidate.json"))
        #expect(!coverage.notCovered.contains("report.md") && !coverage.notCovered.contains("manifest.json"))
    }

    @Test func whatAKilledProcessLeftAtTheEndOfALogIsCoveredByTheNext() async throws {
        let campaign = try await campaign()
        do {
            let killed = try RunDirectory.resume("first", in: campaign.runs)
            try killed.append(.finished(campaign: "first", seconds: 1))
            try killed.steps.store([1, 2, 3], for: "generation/2")
        }
        let open = try await verification(campaign)
        #expect(open.disagreements == [])
        #expect(open.coverage[0].notCovered.map { $0.prefix { $0 != " " } } == ["events.jsonl", "steps.log"])
        _ = try RunDirectory.resume("first", in: campaign.runs)
        #expect(try await verification(campaign).coverage[0].notCovered == [])
    }

    @Test func aRerunsColumnsAndFilesAreComparedToo() async throws {
        let folder = try TemporaryFolder()
        let files = RerunFiles(in: folder.path)
        let archive = try SQLiteArchive(folder.path + "/a.sqlite")
        let record = RerunTests.record()
        try files.keep(record)
        try folder.write(Array("an answer\n".utf8), to: "reruns/\(record.id)/answers/dpo-seed1-sampled.jsonl")
        try files.seal(record.id)
        try await archive.record(record)
        let whole = try await archive.verification(against: folder.path)
        #expect(whole.disagreements == [] && whole.coverage.map(\.covered) == [2])
        let database = try DatabaseQueue(path: folder.path + "/a.sqlite")
        for column in try await database.read({ try $0.columns(in: "reruns").map(\.name) }) where column != "document" {
            try await database.write { try $0.execute(sql: "UPDATE reruns SET \(column) = '9' WHERE name = 'dpo'") }
            let found = try? await archive.verification(against: folder.path)
            #expect(found?.disagreements.isEmpty != true, "reruns.\(column)")
            try await database.write { try $0.execute(sql: "DELETE FROM reruns") }
            try await archive.record(record)
        }
        try folder.write(Array("another\n".utf8), to: "reruns/\(record.id)/answers/dpo-seed1-sampled.jsonl")
        #expect(try await archive.verify(against: folder.path).map(\.kind) == [.different])
    }
}

extension [UInt8] {
    /// The same with another last byte.
    fileprivate func replacingLast() -> [UInt8] { isEmpty ? [7] : dropLast() + [self[count - 1] ^ 1] }
}
