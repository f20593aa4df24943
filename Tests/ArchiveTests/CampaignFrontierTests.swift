import Archive
import LabCore
import LabTesting
import Testing

@Suite struct CampaignFrontierTests {
    private func trial(
        _ beta: Double, seed: Int, mean: Double, kl: Double? = 0.5, fidelity: Fidelity = .proxy, world: String = "base"
    ) -> TrialRecord {
        let spec = TrialSpec(
            world: world, fidelity: fidelity, setting: Setting(learningRate: 0.001, beta: beta), seed: seed,
            pairPool: fidelity == .confirmation ? .confirmation : .search,
            questionSet: fidelity == .confirmation ? .heldOut : .search)
        let scores = Example.scoreTable(mean: mean, seeds: [seed])[0]
        return TrialRecord(
            spec: spec,
            outcome: .scored(
                TrialResult(
                    spec: spec, questionScores: scores, greedyScores: scores, kl: kl, metrics: [:], seconds: 1,
                    weightsHash: nil)))
    }

    private func rejected(_ beta: Double, seed: Int) -> TrialRecord {
        let spec = trial(beta, seed: seed, mean: 0).spec
        return TrialRecord(spec: spec, outcome: .rejected(Rejection(code: "diverged", message: "")))
    }

    private static let snapshot = ArchiveSnapshot(candidates: [
        Example.candidate(-1, "dpo", mean: 6), Example.candidate(1, "soft", mean: 6.5),
        Example.candidate(2, "wild", status: .rejected(Rejection(code: "shape", message: ""))),
    ])

    private func frontier(_ trials: [Int: [TrialRecord]]) -> CampaignFrontier? {
        CampaignFrontier(
            config: CampaignConfig(name: "first"), snapshot: Self.snapshot, confirmation: nil,
            trials: Dictionary(uniqueKeysWithValues: trials.map { (CandidateID($0.key), $0.value) }))
    }

    @Test func onlyTheSearchsTrialsOfItsOwnWorldArePoints() throws {
        let found = try #require(
            frontier([
                -1: [
                    trial(0.1, seed: 1, mean: 6, kl: 1), trial(0.1, seed: 2, mean: 6, kl: 3, fidelity: .full),
                    trial(0.1, seed: 3, mean: 9, kl: 0, fidelity: .confirmation),
                    trial(0.1, seed: 1, mean: 9, kl: 0, fidelity: .smoke),
                    trial(0.1, seed: 4, mean: 9, world: "transfer"),
                ],
                2: [trial(0.1, seed: 1, mean: 9)],
            ]))
        let point = try #require(found.frontier.points.first)
        #expect(found.frontier.points.count == 1 && point.loss == "dpo")
        #expect(point.seeds == 2 && point.kl.mean == 2)
        #expect(found.shown == ["dpo"])
    }

    @Test func aSettingWhereAnySeedBrokeHasNoPoint() throws {
        let found = try #require(
            frontier([
                -1: [trial(0.1, seed: 1, mean: 6)],
                1: [trial(0.1, seed: 1, mean: 9), rejected(0.1, seed: 2), trial(0.5, seed: 1, mean: 5)],
            ]))
        #expect(found.frontier.points.map(\.setting.beta) == [0.1, 0.5])
        #expect(
            found.frontier.gaps == [
                FrontierGap(loss: "soft", setting: Setting(learningRate: 0.001, beta: 0.1), rejected: 1, seeds: 2)
            ])
    }

    @Test func withoutKLThereIsNoFrontier() {
        #expect(frontier([-1: [trial(0.1, seed: 1, mean: 6, kl: nil)]]) == nil)
        #expect(frontier([:]) == nil)
    }

    @Test func theReportMarksTheFrontAndSaysWhatEachFigureIs() throws {
        let found = try #require(
            frontier([
                -1: [trial(0.1, seed: 1, mean: 6, kl: 0.25), trial(0.5, seed: 1, mean: 5, kl: 0.5)],
                1: [trial(0.1, seed: 1, mean: 7, kl: 0.75), rejected(0.5, seed: 1)],
            ]))
        let report = campaignReport(
            config: CampaignConfig(name: "first"), snapshot: Self.snapshot, confirmation: nil,
            account: CampaignAccount(), frontier: found)
        #expect(report.contains("## Score against KL"))
        #expect(report.contains("3 points of 2 losses"))
        #expect(report.contains("| front | dpo  | 0.001 | 0.1  | 1     | 0.250 | 6.000 ± "))
        #expect(report.contains("|       | dpo  | 0.001 | 0.5  | 1     | 0.500 | 5.000 ± "))
        #expect(report.contains("| front | soft | 0.001 | 0.1  | 1     | 0.750 | 7.000 ± "))
        #expect(report.contains("soft at lr 0.001 and beta 0.5 (1 of 1 seed)"))
        #expect(report.contains("exact at every token of answers it samples at temperature 1, nats an answer"))
    }

    @Test func theArchiveGivesTheSearchsTrialsBack() async throws {
        let campaign = try await RecordedCampaign()
        let trials = try await campaign.archive.searchTrials(of: "first")
        #expect(trials.keys.sorted() == [CandidateID(-1), CandidateID(1)])
        #expect(trials.values.allSatisfy { $0.map(\.spec.seed) == [1, 2] })
    }
}
