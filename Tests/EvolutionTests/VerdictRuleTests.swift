import LabCore
import Testing

@testable import Evolution

/// Confirmed scores with a known mean difference: a table of seeds and questions, the same noise for all but `own`.
private func confirmed(
    _ name: String, lead: Double, world: String = "base", seeds: [Int] = Array(101...112), own: UInt64 = 0,
    search: Double? = nil, greedyLead: Double? = nil
) -> ConfirmedScore {
    func table(_ lead: Double) -> [[Double]] {
        seeds.map { seed in
            var generator = SeededGenerator(seed: UInt64(seed), stream: own)
            return (0..<40).map { question in
                6 + lead + 0.1 * Double(question % 7) + 0.2 * generator.normal()
            }
        }
    }
    let scores = table(lead)
    let missing = Estimate(mean: 0, standardError: nil, count: 0)
    return ConfirmedScore(
        name: name, world: world, setting: Setting(learningRate: 1e-3, beta: 0.05),
        searchScore: search.map { Estimate(mean: $0, standardError: 0.1, count: 3) },
        score: CrossedScores(scores)?.estimate ?? missing, greedy: missing, kl: 1, table: scores,
        greedyTable: table(greedyLead ?? lead), seeds: seeds)
}

@Suite struct VerdictRuleTests {
    let rule = VerdictRule()
    let catalogue = [
        confirmed("dpo", lead: 0, own: 1, search: 6), confirmed("apo_zero", lead: 0.2, own: 2, search: 6.2),
    ]

    @Test func beatingEveryCatalogueLossIsADiscovery() {
        let decided = rule.confirmation(
            finalists: [confirmed("good", lead: 0.5, own: 3), confirmed("fair", lead: 0.1, own: 4)],
            catalogue: catalogue,
            world: "base")
        #expect(decided.verdict == .discovery)
        #expect(decided.winner == "good")
        #expect(decided.comparisons.count == 4)
        #expect(decided.summary[0].hasPrefix("Discovery: good"))
    }

    @Test func beatingDPOAloneIsSaidToBeThat() {
        let decided = rule.confirmation(
            finalists: [confirmed("fair", lead: 0.2, own: 3)], catalogue: catalogue, world: "base")
        #expect(decided.verdict == .beatsDPOOnly)
        #expect(decided.winner == "fair")
    }

    @Test func beatingNobodyIsNoDiscovery() {
        let decided = rule.confirmation(
            finalists: [confirmed("poor", lead: -0.3, own: 3)], catalogue: catalogue, world: "base")
        #expect(decided.verdict == .noDiscovery)
        #expect(decided.winner == nil)
        #expect(decided.summary[0].contains("good result"))
    }

    @Test func noFinalistsAtAllIsNoDiscovery() {
        let decided = rule.confirmation(finalists: [], catalogue: catalogue, world: "base")
        #expect(decided.verdict == .noDiscovery)
        #expect(decided.summary == ["No discovery: no candidate came as far as confirmation."])
    }

    @Test func withoutCatalogueNothingIsProven() {
        let decided = rule.confirmation(
            finalists: [confirmed("good", lead: 2, own: 3)], catalogue: [], world: "base")
        #expect(decided.verdict == .noDiscovery)
    }

    @Test func theSecondSettingOfALossMustBeBeatenToo() {
        let stronger = confirmed("dpo (second setting)", lead: 0.6, own: 5)
        let decided = rule.confirmation(
            finalists: [confirmed("good", lead: 0.5, own: 3)], catalogue: catalogue + [stronger], world: "base")
        #expect(decided.verdict == .noDiscovery)
        let weaker = confirmed("dpo (second setting)", lead: -0.2, own: 5)
        let again = rule.confirmation(
            finalists: [confirmed("good", lead: 0.5, own: 3)], catalogue: catalogue + [weaker], world: "base")
        #expect(again.verdict == .discovery)
    }

    @Test func aFinalistThatLostSeedsBeatsNothing() {
        let partial = confirmed("brittle", lead: 2, seeds: Array(101...111), own: 3)
        let decided = rule.confirmation(finalists: [partial], catalogue: catalogue, world: "base")
        #expect(decided.verdict == .noDiscovery)
        #expect(decided.comparisons.allSatisfy { $0.pValue == 1 })
        #expect(abs(decided.comparisons[0].difference.mean - 2) < 0.1)
    }

    @Test func theTransferWorldIsReportedAndDecidesNothing() throws {
        let worlds = ["base", "transfer"]
        let finalists = worlds.map { confirmed("good", lead: $0 == "base" ? 0.5 : -0.5, world: $0, own: 3) }
        let known = worlds.map { confirmed("dpo", lead: 0, world: $0, own: 1) }
        let decided = rule.confirmation(finalists: finalists, catalogue: known, world: "base")
        #expect(decided.verdict == .discovery)
        #expect(decided.comparisons.map(\.world) == ["base", "transfer"])
        let transfer = try #require(decided.summary.first { $0.contains("transfer") })
        #expect(transfer.contains("not part of the verdict"))
        #expect(transfer.contains("no gain is shown there"))
    }

    @Test func theWinnersCurseIsToldAsAShrinkageOfTheLead() throws {
        let decided = rule.confirmation(
            finalists: [confirmed("good", lead: 0.5, search: 6.9)],
            catalogue: [confirmed("dpo", lead: 0, search: 6)], world: "base")
        let sentence = try #require(decided.summary.first { $0.contains("Winner's curse") })
        #expect(sentence.contains("+0.90 in the search and +0.50 when confirmed, a shrinkage of +0.40"))
    }

    @Test func aLeadThatTurnsUnderGreedyDecodingIsTold() {
        let decided = rule.confirmation(
            finalists: [confirmed("good", lead: 0.5, own: 3, greedyLead: -0.3)], catalogue: catalogue, world: "base")
        #expect(decided.verdict == .discovery)
        #expect(decided.summary.contains { $0.hasPrefix("Decoded greedily the lead") })
    }

    @Test func differencesArePairedBySeedWhateverTheOrder() {
        let known = confirmed("dpo", lead: 0)
        let shuffled = confirmed("good", lead: 0.5, seeds: [112] + Array(101...111))
        let decided = rule.confirmation(finalists: [shuffled], catalogue: [known], world: "base")
        // Same noise for equal seeds: the paired difference has none, but the floating-point kind.
        #expect(abs(decided.comparisons[0].difference.mean - 0.5) < 1e-12)
        #expect((decided.comparisons[0].difference.standardError ?? 1) < 1e-12)
    }

    /// Finalists' p-values .02 and .03 against one loss: Holm gives .04 and .04; hardest comparisons carry that.
    @Test func adjustedPValuesReadLikeTheVerdict() {
        var generator = SeededGenerator(seed: 9)
        for _ in 0..<40 {
            let finalists = (0..<3).map { index in
                confirmed("f\(index)", lead: 0.06 * generator.normal(), own: 10 + generator.next() % 1000)
            }
            let known = ["dpo", "a", "b"].enumerated().map { index, name in
                confirmed(name, lead: 0.03 * generator.normal() - 0.05, own: 2000 + generator.next() % 1000)
            }
            let contest = rule.contest(finalists, known, in: "base")
            let hardest = holmAdjusted(contest.rows.map { $0.hardest?.pValue ?? 1 })
            let overDPO = holmAdjusted(contest.rows.map { $0.against("dpo")?.pValue ?? 1 })
            for (row, expected) in zip(contest.rows, zip(hardest, overDPO)) {
                for level in [0.01, 0.05, 0.2] {
                    #expect(row.beatsAll(at: level) == (expected.0 <= level))
                    if row.beatsBaseline(at: level) { #expect(expected.1 <= level) }
                    if row.beatsAll(at: level) { #expect(row.beatsBaseline(at: level)) }
                }
                for comparison in row.comparisons { #expect(comparison.adjustedPValue >= comparison.pValue) }
            }
        }
    }

    @Test func decimalsAreWrittenAsPeopleWriteThem() {
        #expect(fixed(0.15, decimals: 2) == "0.15")
        #expect(fixed(-1.005, decimals: 1) == "-1.0")
        #expect(fixed(-0.001, decimals: 2) == "0.00")
        #expect(fixed(12.5, decimals: 0) == "13")
        #expect(fixed(.nan, decimals: 2) == "nan")
    }
}
