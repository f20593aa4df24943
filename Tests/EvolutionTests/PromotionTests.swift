import LabCore
import Testing

@testable import Evolution

@Suite struct PromotionTests {
    let promotion = Promotion(share: 0.5)

    @Test func theBestShareOfAGenerationIsPromotedRoundedUp() {
        let generation = (1...5).map { Small.candidate($0, mean: Double($0), fidelity: .proxy) }
        #expect(promotion.promotedToFull(generation).map(\.number) == [5, 4, 3])
    }

    @Test func atLeastOneIsPromotedAndNeverMoreThanThereAre() {
        let one = [Small.candidate(1, mean: 3, fidelity: .proxy)]
        #expect(Promotion(share: 0).promotedToFull(one).map(\.number) == [1])
        #expect(Promotion(share: 3).promotedToFull(one).map(\.number) == [1])
        #expect(promotion.promotedToFull([Small.candidate(1, mean: nil)]).isEmpty)
    }

    @Test func equalScoresPromoteTheEarlierCandidate() {
        let generation = [3, 1, 2].map { Small.candidate($0, mean: 5, fidelity: .proxy) }
        #expect(Promotion(share: 0.1).promotedToFull(generation).map(\.number) == [1])
    }

    @Test func finalistsAreFullyScoredCandidatesOnly() {
        let snapshot = ArchiveSnapshot(candidates: [
            Small.candidate(-1, mean: 9, name: "dpo"), Small.candidate(1, mean: 8, fidelity: .proxy),
            Small.candidate(2, mean: 5), Small.candidate(3, mean: nil), Small.candidate(4, mean: 6),
        ])
        #expect(promotion.finalists(in: snapshot, count: 3).map(\.id.number) == [4, 2])
    }

    @Test func finalistsThatComputeTheSameLossCountOnce() {
        let snapshot = ArchiveSnapshot(candidates: [
            Small.candidate(1, mean: 7, fingerprint: [1, 0]),
            Small.candidate(2, mean: 6.9, fingerprint: [1, 1e-5]),
            Small.candidate(3, mean: 5, fingerprint: [0, 1]),
        ])
        #expect(promotion.finalists(in: snapshot, count: 2).map(\.id.number) == [1, 3])
    }

    @Test func confirmationTakesTheBestCatalogueLossesAndDPOInAnyCase() {
        let snapshot = ArchiveSnapshot(candidates: [
            Small.candidate(-1, mean: 5, name: "dpo"), Small.candidate(-2, mean: 7, name: "apo_zero"),
            Small.candidate(-3, mean: 6, name: "kto_pair"),
            Small.candidate(-4, mean: 9, name: "odd", isControl: true),
            Small.candidate(-5, mean: 8, fidelity: .proxy, name: "half"), Small.candidate(1, mean: 10),
        ])
        func names(_ count: Int) -> [String] {
            promotion.confirmedCatalogue(in: snapshot, count: count).map(\.proposal.name)
        }
        #expect(names(2) == ["apo_zero", "kto_pair", "dpo"])
        #expect(names(3) == ["apo_zero", "kto_pair", "dpo"])
        #expect(names(1) == ["apo_zero", "dpo"])
    }

    @Test func theBestCatalogueLossAndDPOAreConfirmedAtOtherSettingsToo() {
        func setting(_ beta: Double) -> Setting { Setting(learningRate: 1e-3, beta: beta) }
        func loss(_ number: Int, _ name: String, mean: Double) -> Candidate {
            let plain = Small.candidate(number, mean: mean, name: name)
            let score = Estimate(mean: mean, standardError: nil, count: 3)
            let tuned = TunedScore(
                setting: setting(0.05), score: score, greedy: score, kl: 1, fidelity: .full, table: [[mean]],
                greedyTable: [[mean]], seeds: [1], trials: 1, onGridEdge: false,
                runnersUp: [0.1, 0.2].map { SettingScore(setting: setting($0), score: score) })
            return Candidate(
                id: plain.id, arm: .catalogue, generation: 0, proposal: plain.proposal, source: plain.source,
                fingerprint: nil, shape: nil, status: .scored(.full), tuned: tuned)
        }
        let snapshot = ArchiveSnapshot(candidates: [
            loss(-1, "dpo", mean: 5), loss(-2, "apo_zero", mean: 7), loss(-3, "kto_pair", mean: 6),
        ])
        let confirmed = promotion.confirmedCatalogue(in: snapshot, count: 2)
        #expect(
            confirmed.map(\.proposal.name) == [
                "apo_zero", "kto_pair", "dpo", "apo_zero (second setting)", "apo_zero (third setting)",
                "dpo (second setting)",
            ])
        #expect(confirmed.map(\.tuned?.setting.beta) == [0.05, 0.05, 0.05, 0.1, 0.2, 0.1])
        #expect(confirmed.last?.source?.name == "dpo (second setting)")
        #expect(confirmed.map { OtherSetting.isOne($0.proposal.name) } == [false, false, false, true, true, true])
    }
}

@Suite struct NoveltyFilterTests {
    @Test func aNearFingerprintIsADuplicateOfTheNearest() {
        let filter = NoveltyFilter(tolerance: 0.01)
        let known = [
            ("a", Fingerprint(hash: "a", values: [0, 0.008])), ("b", Fingerprint(hash: "b", values: [0, 0.002])),
        ]
        #expect(filter.duplicate(of: Fingerprint(hash: "x", values: [0, 0]), among: known) == "b")
        #expect(filter.duplicate(of: Fingerprint(hash: "x", values: [1, 0]), among: known) == nil)
        #expect(filter.duplicate(of: Fingerprint(hash: "x", values: [0]), among: known) == nil)
    }

    @Test func rejectedCandidatesAreRememberedToo() {
        let snapshot = ArchiveSnapshot(candidates: [Small.candidate(4, mean: nil, fingerprint: [1, 2])])
        #expect(NoveltyFilter().duplicate(of: Fingerprint(hash: "x", values: [1, 2]), in: snapshot) == "c4")
    }
}
