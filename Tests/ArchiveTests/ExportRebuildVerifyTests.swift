import Archive
import Foundation
import LabCore
import LabTesting
import Testing

@Suite struct ExportTests {
    @Test func campaignsThatFoundTheSameExportTheSameCanonicalBytes() async throws {
        let one = try await RecordedCampaign()
        let other = try await RecordedCampaign(
            started: "2026-02-02T02:02:02Z", seconds: 9.75, workers: 1, order: [3, 2, 1, -1])
        #expect(try await one.exported(canonical: true) == other.exported(canonical: true))
        #expect(try await one.exported() != other.exported())
        #expect(try await one.exported(.csv) == other.exported(.csv))
    }

    @Test func theJSONHoldsEverythingInOrder() async throws {
        let text = try await RecordedCampaign().exported()
        let root = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
        let campaign = try #require((root["campaigns"] as? [[String: Any]])?.first)
        let losses = try #require(campaign["losses"] as? [[String: Any]])
        #expect(losses.compactMap { ($0["candidate"] as? [String: Any])?["id"] as? Int } == [-1, 1, 2, 3])
        let trials = try #require(losses[1]["trials"] as? [[String: Any]])
        #expect(trials.map { ($0["spec"] as? [String: Any])?["seed"] as? Int } == [1, 2])
        #expect(trials.allSatisfy { $0["seconds"] as? Double == 2.5 })
        #expect((campaign["confirmation"] as? [String: Any])?["winner"] as? String == "soft")
        let arms = ((campaign["config"] as? [String: Any])?["proposer"] as? [String: Any])?["controlArms"]
        #expect(arms as? [String: Double] == ["random": 0.25, "best-of-n": 0.25])
    }

    @Test func canonicalJSONHoldsNoClock() async throws {
        let text = try await RecordedCampaign().exported(canonical: true)
        for word in ["seconds", "started", "train_runtime", "versions"] { #expect(!text.contains("\"\(word)\"")) }
        #expect(text.contains("\"rewards/accuracies\":0.75"))
    }

    @Test func theCSVHasOneQuotedLineALoss() async throws {
        let campaign = try await RecordedCampaign()
        let failed = Example.candidate(4, "lost", status: .failed("no answer, \"twice\""))
        try await campaign.archive.record(failed, of: "first")
        let lines = try await campaign.exported(.csv).components(separatedBy: "\r\n")
        #expect(lines.first == LossRow.columns.joined(separator: ","))
        #expect(lines.count == 7 && lines.last?.isEmpty == true)
        #expect(lines[5].hasPrefix("first,4,lost,discovered,evolution,failed,\"no answer, \"\"twice\"\"\",,"))
    }

    @Test func anEmptyArchiveExportsAnEmptyList() async throws {
        let folder = try TemporaryFolder()
        let text = Collected()
        try await SQLiteArchive(folder.path + "/a.sqlite").export { text.append($0) }
        #expect(text.value == "{\"campaigns\":[]}\n")
    }
}

@Suite struct RebuildTests {
    @Test func aRemovedArchiveIsRestoredWhole() async throws {
        let campaign = try await RecordedCampaign()
        let before = try await campaign.exported()
        for suffix in ["", "-wal", "-shm"] {
            try? FileManager.default.removeItem(atPath: campaign.archivePath + suffix)
        }
        let report = try await SQLiteArchive.rebuild(campaign.archivePath, from: campaign.runs)
        #expect(report.campaigns == ["first"] && report.losses == 4 && report.trials == 4)
        #expect(report.unreadable.isEmpty && report.movedAside == nil)
        let text = Collected()
        try await SQLiteArchive(campaign.archivePath).export { text.append($0) }
        #expect(text.value == before)
    }

    @Test func aDamagedArchiveIsMovedAsideNotRemoved() async throws {
        let campaign = try await RecordedCampaign()
        for suffix in ["-wal", "-shm"] { try? FileManager.default.removeItem(atPath: campaign.archivePath + suffix) }
        try campaign.folder.write(Array("junk".utf8), to: "archive.sqlite")
        let report = try await SQLiteArchive.rebuild(campaign.archivePath, from: campaign.runs)
        #expect(report.movedAside == campaign.archivePath + ".damaged-1")
        #expect(campaign.folder.bytes("archive.sqlite.damaged-1") == Array("junk".utf8))
        #expect(try await SQLiteArchive(campaign.archivePath).losses().count == 4)
    }

    @Test func campaignsWithoutADirectoryAreKeptAndBrokenFilesAreNamed() async throws {
        let campaign = try await RecordedCampaign()
        try await campaign.archive.record(Example.candidate(1, "old"), of: "elsewhere")
        try campaign.folder.write(Array("{".utf8), to: "first/candidates/0001-soft/candidate.json")
        let report = try await SQLiteArchive.rebuild(campaign.archivePath, from: campaign.runs)
        #expect(report.onlyInArchive == ["elsewhere"])
        #expect(report.losses == 3 && report.unreadable.count == 1)
        #expect(
            report.unreadable.first?.contains("0001-soft/candidate.json: does not hold a Candidate any more") == true)
        #expect(try await campaign.archive.candidate("old", of: "elsewhere") != nil)
    }
}

@Suite struct VerifyTests {
    @Test func aRecordedCampaignIsWhole() async throws {
        let campaign = try await RecordedCampaign()
        #expect(try await campaign.archive.verify(against: campaign.runs).isEmpty)
        _ = try await SQLiteArchive.rebuild(campaign.archivePath, from: campaign.runs)
        #expect(try await campaign.archive.verify(against: campaign.runs).isEmpty)
    }

    @Test func everyKindOfDisagreementIsFound() async throws {
        let campaign = try await RecordedCampaign()
        let first = campaign.folder.path + "/first"
        try FileManager.default.removeItem(atPath: "\(first)/candidates/0003-twin/loss.py")
        try campaign.folder.write(Array("def loss(): return 0\n".utf8), to: "first/candidates/0001-soft/loss.py")
        try campaign.folder.write(Array("{".utf8), to: "first/confirmation.json")
        let score = "first/catalogue/dpo/trials.jsonl"
        let bytes = try #require(campaign.folder.bytes(score))
        try campaign.folder.write(
            Array(String(decoding: bytes, as: UTF8.self).replacing("5.75", with: "9.875").utf8), to: score)
        try FileManager.default.createDirectory(
            atPath: "\(first)/candidates/0009-new", withIntermediateDirectories: true)
        let extra = try JSONEncoder().encode(Example.candidate(9, "new"))
        try campaign.folder.write(extra, to: "first/candidates/0009-new/candidate.json")
        try await campaign.archive.record(Example.candidate(1, "gone"), of: "vanished")

        let found = try await campaign.archive.verify(against: campaign.runs)
        let short = found.map { "\($0.kind.rawValue) \($0.path.dropFirst(campaign.folder.path.count + 1))" }
        #expect(
            Set(short) == [
                "missingFile first/candidates/0003-twin/loss.py", "different first/candidates/0001-soft/loss.py",
                "unreadable first/confirmation.json", "different \(score)",
                "missingRow first/candidates/0009-new/candidate.json", "missingFile vanished",
            ])
        #expect(try await campaign.archive.verify(against: campaign.runs, campaign: "vanished").count == 1)
    }
}
