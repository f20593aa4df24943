import Archive
import Foundation
import LabCore
import LabTesting
import Testing

@Suite struct CampaignAccountTests {
    @Test func aTrainingThatIsAnnouncedAgainAfterResumingCountsOnce() {
        func finished(_ id: Int, seed: Int, score: Double? = 6, seconds: Double = 2, reused: Bool) -> CampaignEvent {
            .trialFinished(
                CandidateID(id), spec: Example.spec(seed: seed), score: score, seconds: seconds, reused: reused)
        }
        let account = CampaignAccount(of: [
            .started(campaign: "one", resumed: false), finished(-1, seed: 1, reused: true),
            finished(1, seed: 1, reused: false),
            finished(1, seed: 2, score: nil, reused: false), .started(campaign: "one", resumed: true),
            finished(-1, seed: 1, reused: true), finished(1, seed: 1, reused: true), finished(1, seed: 2, reused: true),
            finished(1, seed: 3, reused: false), .finished(campaign: "one", seconds: 33),
        ])
        #expect(account.entries == [.proxy: .init(trained: 3, reused: 1, rejected: 1, seconds: 6)])
        #expect(account.resumptions == 1 && account.lastRunSeconds == 33)
    }

    @Test func theLossesOfAnArmAreCountedByWhatCameOfThem() {
        let rejection = { (code: String) in CandidateStatus.rejected(Rejection(code: code, message: "")) }
        let snapshot = ArchiveSnapshot(candidates: [
            Example.candidate(-1, "dpo", mean: 6), Example.candidate(1, "a", mean: 6),
            Example.candidate(2, "b", status: rejection("shape")),
            Example.candidate(3, "c", status: rejection("shape")),
            Example.candidate(4, "d", status: rejection("diverged")),
            Example.candidate(5, "e", status: .duplicate(of: "a")),
            Example.candidate(6, "f", arm: .random, status: .failed("lost")),
        ])
        let arm = ArmAccount(.evolution, in: snapshot)
        #expect(arm.proposed == 5 && arm.scored == 1 && arm.duplicates == 1 && arm.failed == 0)
        #expect(arm.rejections == ["shape": 2, "diverged": 1])
        #expect(ArmAccount(.random, in: snapshot).failed == 1)
    }
}

@Suite struct ArmComparisonTests {
    @Test func noArmIsPraisedForHavingBeenGivenMore() throws {
        // Nine trainings a loss: random's one loss allows evolution one, and its better second does not count.
        let comparison = try #require(
            ArmComparison(
                ArchiveSnapshot(candidates: [
                    Example.candidate(-1, "dpo", mean: 9), Example.candidate(1, "early", mean: 6),
                    Example.candidate(2, "late", mean: 8), Example.candidate(3, "drawn", mean: 7, arm: .random),
                ])))
        #expect(comparison.budget == 9)
        #expect(comparison.rows.map(\.arm) == [.evolution, .random])
        #expect(comparison.rows.map(\.best) == ["early", "drawn"])
        #expect(comparison.rows.map(\.trials) == [9, 9])
    }

    @Test func oneArmAloneIsNotCompared() {
        #expect(ArmComparison(ArchiveSnapshot(candidates: [Example.candidate(1, "a", mean: 6)])) == nil)
        #expect(ArmComparison(ArchiveSnapshot(candidates: [])) == nil)
    }
}

private let testsFolder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().path

@Suite struct CampaignReportTests {
    static let snapshot = ArchiveSnapshot(candidates: [
        Example.candidate(-1, "dpo", mean: 6), Example.candidate(1, "soft", mean: 6.5, parents: [-1]),
        Example.candidate(2, "hasty", mean: 9, arm: .random, seeds: [1]),
        Example.candidate(3, "wild", status: .rejected(Rejection(code: "shape", message: "wrong"))),
    ])
    static let account = CampaignAccount(
        entries: [.proxy: .init(trained: 30, reused: 9, rejected: 1, seconds: 75)], lastRunSeconds: 120)

    @Test func aLeadOverALossAtTheEndOfTheGridIsToldWithCaution() throws {
        let confirmation = Example.confirmation()
        let rival = try #require(confirmation.comparisons.first { $0.candidate == confirmation.winner }?.against)
        func report(onGridEdge: Bool) -> String {
            let loss = Example.candidate(-7, rival, mean: 6)
            guard let tuned = loss.tuned else { return "" }
            let moved = TunedScore(
                setting: tuned.setting, score: tuned.score, greedy: tuned.greedy, kl: tuned.kl,
                fidelity: tuned.fidelity, table: tuned.table, greedyTable: tuned.greedyTable, seeds: tuned.seeds,
                trials: tuned.trials, onGridEdge: onGridEdge)
            let candidate = Candidate(
                id: loss.id, arm: loss.arm, generation: 0, proposal: loss.proposal, source: loss.source,
                fingerprint: nil, shape: nil, status: loss.status, tuned: moved)
            return campaignReport(
                config: nil, snapshot: ArchiveSnapshot(candidates: [candidate]), confirmation: confirmation,
                account: Self.account)
        }
        #expect(report(onGridEdge: true).contains("Caution: the best setting of \(rival) lies on the edge"))
        #expect(!report(onGridEdge: false).contains("Caution"))
    }

    @Test func theWholeReportIsTheFixture() throws {
        let report = campaignReport(
            config: CampaignConfig(name: "first", seed: 7, transferWorld: nil), snapshot: Self.snapshot,
            confirmation: Example.confirmation(), account: Self.account,
            untrained: [
                UntrainedScore(decoding: "T=0.7", score: 6.03, standardError: 0.09),
                UntrainedScore(decoding: "greedy", score: 6.34, standardError: 0.2),
            ])
        let path = testsFolder + "/Fixtures/campaign-report.md"
        if ProcessInfo.processInfo.environment["LOSSLAB_WRITE_FIXTURES"] != nil {
            try Data(report.utf8).write(to: URL(fileURLWithPath: path))
        }
        #expect(report == (try String(contentsOfFile: path, encoding: .utf8)))
    }

    @Test func withoutAConfirmationNothingIsClaimed() {
        let report = campaignReport(
            config: nil, snapshot: ArchiveSnapshot(candidates: []), confirmation: nil, account: CampaignAccount())
        #expect(report.contains("## Verdict: none yet"))
        #expect(report.contains("No loss has a score yet."))
        #expect(!report.contains("Confirmation\n"))
    }

    @Test(arguments: [Verdict.discovery, .beatsDPOOnly, .noDiscovery])
    func everyVerdictIsToldInPlainWords(verdict: Verdict) {
        let report = campaignReport(
            config: nil, snapshot: Self.snapshot, confirmation: Example.confirmation(verdict: verdict),
            account: Self.account)
        #expect(report.contains("## Verdict: \(verdict.rawValue)\n"))
        #expect(report.contains(verdict == .noDiscovery ? "That is a result" : "`soft` scores above"))
    }

    @Test func aLongRankingIsCutButKeepsDPOAndTheConfirmed() {
        var candidates = (1...60).map { Example.candidate($0, "n\($0)", mean: 7 + Double($0) / 64) }
        candidates += [Example.candidate(-1, "dpo", mean: 5), Example.candidate(61, "soft", mean: 4)]
        let report = campaignReport(
            config: nil, snapshot: ArchiveSnapshot(candidates: candidates), confirmation: Example.confirmation(),
            account: CampaignAccount())
        #expect(report.contains("\n| 61 | dpo "))
        #expect(report.contains("\n| 62 | soft "))
        #expect(report.contains("35 more losses: `losslab archive list`."))
    }
}
