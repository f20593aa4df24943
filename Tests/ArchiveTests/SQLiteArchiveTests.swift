import Archive
import Foundation
import LabCore
import LabTesting
import Testing

@Suite struct SQLiteArchiveTests {
    @Test(arguments: CandidateArchiveContract.claims)
    func sqliteKeepsTheContract(claim: ContractClaim<any CandidateArchive>) async throws {
        let folder = try TemporaryFolder()
        try await claim.check(try SQLiteArchive(folder.path + "/archive.sqlite"))
    }

    @Test(arguments: CandidateArchiveContract.claims)
    func memoryKeepsTheContract(claim: ContractClaim<any CandidateArchive>) async throws {
        try await claim.check(InMemoryArchive())
    }

    @Test(arguments: CandidateArchiveContract.claims)
    func recordingIntoARunDirectoryKeepsTheContract(claim: ContractClaim<any CandidateArchive>) async throws {
        let folder = try TemporaryFolder()
        let directory = try RunDirectory.create(
            in: folder.path, CampaignManifest(config: CampaignConfig(name: "one"), started: "now"), resolvedConfig: "")
        try await claim.check(try await RunRecorder(directory, try SQLiteArchive(folder.path + "/archive.sqlite")))
    }

    @Test func rowsOutliveTheProcessAndAreReadWithoutWriting() async throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/deep/below/archive.sqlite"
        let candidate = Example.candidate(1, "soft", mean: 6.25)
        let spec = Example.spec(seed: 1)
        do {
            let archive = try SQLiteArchive(path)
            try await archive.record(candidate, of: "one")
            try await archive.record(Example.outcome(spec, mean: 6.25), spec, of: candidate.id, in: "one")
            try await archive.record(Example.confirmation(), of: "one")
        }
        let reader = try SQLiteArchive(path, readOnly: true)
        #expect(try await reader.snapshot(of: "one").candidates == [candidate])
        #expect(try await reader.trials(of: candidate.id, in: "one").map(\.spec) == [spec])
        #expect(try await reader.confirmation(of: "one") == Example.confirmation())
        let error = await #expect(throws: ArchiveError.self) { try await reader.record(candidate, of: "one") }
        #expect(error?.code == .readOnly)
    }

    @Test func infiniteMetricsOfADivergedTrainingAreKept() async throws {
        let folder = try TemporaryFolder()
        let archive = try SQLiteArchive(folder.path + "/archive.sqlite")
        let spec = Example.spec(seed: 1)
        let result = TrialResult(
            spec: spec, questionScores: [1, 1], greedyScores: [1, 1], kl: .infinity, metrics: ["loss": -.infinity],
            seconds: 1, weightsHash: nil)
        try await archive.record(.scored(result), spec, of: CandidateID(1), in: "one")
        let kept = try await archive.trials(of: CandidateID(1), in: "one")
        #expect(kept.first?.outcome == .scored(result))
    }

    @Test func lossesAreListedByLowerBoundWithPairedDifferences() async throws {
        let folder = try TemporaryFolder()
        let archive = try SQLiteArchive(folder.path + "/archive.sqlite")
        try await archive.register(
            CampaignManifest(config: CampaignConfig(name: "one"), started: "2026-01-01T00:00:00Z"))
        try await archive.record(Example.candidate(-1, "dpo", mean: 6), of: "one")
        try await archive.record(Example.candidate(1, "soft", mean: 6.5), of: "one")
        try await archive.record(Example.candidate(2, "hasty", mean: 6.75, seeds: [1]), of: "one")
        let bad = CandidateStatus.rejected(Rejection(code: "nonfinite", message: "NaN"))
        try await archive.record(Example.candidate(3, "broken", status: bad), of: "one")
        try await archive.record(Example.spec(seed: 1).rejected, Example.spec(seed: 1), of: CandidateID(3), in: "one")
        try await archive.record(Example.confirmation(winner: "soft"), of: "one")
        let rows = try await archive.losses(of: "one")
        #expect(rows.map(\.name) == ["hasty", "soft", "dpo", "broken"])
        let soft = try #require(rows.first { $0.name == "soft" })
        // Equal seeds and questions shift both losses alike, so the paired difference has no error left.
        #expect(soft.differenceFromDPO == 0.5)
        #expect(soft.differenceFromDPOStandardError == 0)
        #expect(soft.confirmed && soft.confirmedScore == 6.375)
        #expect(soft.trials == 9 && soft.origin == .discovered)
        let hasty = try #require(rows.first)
        #expect(hasty.differenceFromDPO == 0.75 && !hasty.confirmed)
        let broken = try #require(rows.last)
        #expect(broken.status == "rejected" && broken.reason == "nonfinite")
        #expect(broken.score == nil && broken.trials == 1 && broken.differenceFromDPO == nil)
        #expect(try await archive.losses().count == 4)
        #expect(try await archive.losses(of: "two").isEmpty)
        let campaign = try #require(try await archive.campaigns().first)
        #expect(campaign.candidates == 3 && campaign.scored == 2 && campaign.verdict == .beatsDPOOnly)
    }

    @Test func absentNumbersAreNullInJSON() async throws {
        let folder = try TemporaryFolder()
        let archive = try SQLiteArchive(folder.path + "/archive.sqlite")
        try await archive.record(Example.candidate(1, "soft"), of: "one")
        let data = try JSONEncoder().encode(try await archive.losses())
        let object = try #require(try JSONSerialization.jsonObject(with: data) as? [[String: Any]]).first
        let keys = ["name", "origin", "score", "standardError", "trials", "differenceFromDPO", "confirmed"]
        #expect(keys.allSatisfy { object?.keys.contains($0) == true })
        #expect(Set(object?.keys.map { $0 } ?? []) == Set(LossRow.columns))
        #expect(object?["score"] is NSNull)
    }

    @Test func aLossIsFoundByNumberOrName() async throws {
        let folder = try TemporaryFolder()
        let archive = try SQLiteArchive(folder.path + "/archive.sqlite")
        try await archive.record(Example.candidate(4, "twin", status: .duplicate(of: "dpo")), of: "one")
        try await archive.record(Example.candidate(7, "twin", mean: 5), of: "one")
        #expect(try await archive.candidate("7", of: "one")?.proposal.name == "twin")
        #expect(try await archive.candidate("twin", of: "one")?.id.number == 7)
        #expect(try await archive.candidate("8", of: "one") == nil)
        #expect(try await archive.candidate("7", of: "two") == nil)
    }

    @Test func lineageHoldsEveryAncestorAndDescendantOnceAtItsLeastDistance() async throws {
        let folder = try TemporaryFolder()
        let archive = try SQLiteArchive(folder.path + "/archive.sqlite")
        // dpo -> 1, 2; 1 and 2 -> 3; 3 and dpo -> 4; 9 is unrelated.
        let parents = [-1: [], 1: [-1], 2: [-1], 3: [1, 2], 4: [3, -1], 9: []]
        for (number, parents) in parents {
            try await archive.record(Example.candidate(number, "n\(number)", mean: 6, parents: parents), of: "one")
        }
        let lineage = try #require(try await archive.lineage(of: CandidateID(3), in: "one"))
        #expect(lineage.loss.id.number == 3 && lineage.loss.parents.map(\.number) == [1, 2])
        #expect(lineage.ancestors.map { [$0.id.number, $0.distance] } == [[1, 1], [2, 1], [-1, 2]])
        #expect(lineage.descendants.map { [$0.id.number, $0.distance] } == [[4, 1]])
        let last = try #require(try await archive.lineage(of: CandidateID(4), in: "one"))
        #expect(last.ancestors.map { [$0.id.number, $0.distance] } == [[-1, 1], [3, 1], [1, 2], [2, 2]])
        #expect(try await archive.lineage(of: CandidateID(5), in: "one") == nil)
    }

    @Test func recordingAgainForgetsFormerParentsAndJudgments() async throws {
        let folder = try TemporaryFolder()
        let archive = try SQLiteArchive(folder.path + "/archive.sqlite")
        try await archive.record(Example.candidate(1, "a"), of: "one")
        try await archive.record(Example.candidate(2, "b", parents: [1]), of: "one")
        try await archive.record(Example.candidate(2, "b", parents: []), of: "one")
        #expect(try await archive.lineage(of: CandidateID(2), in: "one")?.ancestors.isEmpty == true)
    }
}

extension TrialSpec {
    fileprivate var rejected: TrialOutcome { .rejected(Rejection(code: "diverged", message: "at step 3")) }
}
