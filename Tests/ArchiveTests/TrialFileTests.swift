import Foundation
import LabCore
import LabTesting
import Testing

@testable import Archive

@Suite struct TrialFileTests {
    static let records = [3, 1, 2].map { seed in
        let spec = Example.spec(seed: seed)
        return TrialRecord(spec: spec, outcome: Example.outcome(spec, mean: 6))
    }

    @Test func trialsAreReadInTheOrderOfTheirSlugsTheLastLineOfOneCounting() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/deep/trials.jsonl"
        let file = try TrialFile(path)
        for record in Self.records { try file.keep(try ArchiveJSON.encode(record), slug: record.spec.slug) }
        let again = TrialRecord(
            spec: Example.spec(seed: 1), outcome: .rejected(Rejection(code: "timeout", message: "")))
        try file.keep(try ArchiveJSON.encode(again), slug: again.spec.slug)
        #expect(try TrialFile.records(path) == [again, Self.records[2], Self.records[0]])
    }

    @Test func aTrialThatIsThereIsNotWrittenAgainByAnyProcess() throws {
        let folder = try TemporaryFolder()
        for _ in 0..<3 {
            let file = try TrialFile(folder.path + "/trials.jsonl")
            for record in Self.records { try file.keep(try ArchiveJSON.encode(record), slug: record.spec.slug) }
        }
        #expect(folder.bytes("trials.jsonl")?.count { $0 == UInt8(ascii: "\n") } == 3)
    }

    @Test func aTornTrialIsWrittenAgainWhole() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/trials.jsonl"
        let line = try ArchiveJSON.encode(Self.records[0])
        try TrialFile(path).keep(line, slug: Self.records[0].spec.slug)
        for length in 0...line.count {
            try folder.write(line[..<length], to: "trials.jsonl")
            #expect(try TrialFile.records(path).isEmpty)
            try TrialFile(path).keep(line, slug: Self.records[0].spec.slug)
            #expect(try TrialFile.records(path) == [Self.records[0]])
        }
    }

    @Test func trialsRecordedAfterResumingFindTheirCandidatesFolder() async throws {
        let campaign = try await RecordedCampaign()
        let directory = try RunDirectory.resume("first", in: campaign.runs)
        let recorder = try await RunRecorder(directory, campaign.archive)
        let spec = Example.spec(seed: 101, fidelity: .confirmation)
        try await recorder.record(Example.outcome(spec, mean: 6), spec, of: CandidateID(1), in: "first")
        #expect(try TrialFile.records(campaign.runs + "/first/candidates/0001-soft/trials.jsonl").count == 3)
        #expect(try await campaign.archive.verify(against: campaign.runs).isEmpty)
    }
}
