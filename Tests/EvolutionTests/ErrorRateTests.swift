import LabCore
import Testing

@testable import Evolution

/// A small campaign, so that a debug build simulates hundreds; `losslab system error-rates` runs the real size.
@Suite struct ErrorRateTests {
    private static func simulate(
        _ campaigns: Int, _ scenarios: [ErrorRateScenario], seed: UInt64 = 1
    ) -> ErrorRateReport {
        var config = CampaignConfig(name: "small")
        config.budget.candidates = 12
        config.confirmation.finalists = 2
        config.confirmation.catalogueLosses = 2
        return simulateErrorRates(
            campaigns: campaigns, seed: seed, scenarios: scenarios, config: config,
            grid: SettingGrid(learningRates: [5e-4, 1e-3], betas: [0.05, 0.1]), questions: (search: 30, heldOut: 60),
            catalogueLosses: 6)
    }

    @Test func withoutATrueImprovementDiscoveriesAreRareAndIntervalsHoldTheTruth() throws {
        let report = Self.simulate(100, [.noImprovement, .everyCandidateTies])
        for row in report.rows {
            // Three standard errors of a share of .05 over 100 campaigns are .065.
            #expect(row.discovery <= 0.115, "\(row.title)")
            #expect(row.falseDiscovery?.mean == row.discovery)
            #expect(row.power == nil)
            let coverage = try #require(row.coverageOfDifferences)
            #expect(abs(coverage.mean - 0.95) < 0.04, "\(row.title)")
            #expect(abs(row.discovery + row.beatsDPOOnly + row.noDiscovery - 1) < 1e-12)
        }
    }

    @Test func aLargeImprovementIsFoundAndTheSearchScoreShrinks() throws {
        let report = Self.simulate(30, [.oneLargeImprovement, .nothingBeatsDPO])
        let found = try #require(report.row(.oneLargeImprovement))
        #expect(try #require(found.power).mean > 0.8)
        let nothing = try #require(report.row(.nothingBeatsDPO))
        #expect(try #require(nothing.shrinkage).mean > 0)
        // The best of N with one seed nearly always looks better than DPO, and never is.
        #expect(try #require(nothing.publishedClaim).mean > 0.5)
        #expect(nothing.publishedFalseClaim == nothing.publishedClaim)
    }

    @Test func theSameSeedGivesTheSameReportAndAnotherADifferentOne() {
        let report = Self.simulate(3, [.oneImprovement])
        #expect(report == Self.simulate(3, [.oneImprovement]))
        #expect(report != Self.simulate(3, [.oneImprovement], seed: 2))
        #expect(report.text.contains("one candidate better by 0.15"))
    }

    /// The simulated trials must have the spreads they are documented to have.
    @Test func seedEffectsHaveTheMeasuredSpreadAndCorrelation() throws {
        var noise = NoiseModel()
        noise.seedCorrelation = 0.5...0.5
        let world = SimulatedWorld(
            noise: noise, grid: defaultErrorRateGrid, searchQuestions: 80, heldOutQuestions: 1, seed: 5)
        var generator = SeededGenerator(seed: 6)
        let losses = (1...2).map { number in
            SimulatedLoss(
                id: CandidateID(number), name: "\(number)", best: 0, on: defaultErrorRateGrid, using: &generator)
        }
        let scores = losses.map { loss in
            (1...600).map { seed in
                world.result(
                    of: loss,
                    TrialSpec(
                        world: "base", fidelity: .proxy, setting: defaultErrorRateGrid.settings[4], seed: seed)
                ).score
            }
        }
        for column in scores {
            let error = try #require(estimate(of: column)?.standardError)
            #expect(abs(error * 600.0.squareRoot() - 0.10) < 0.012)
        }
        #expect(abs(try #require(pearson(scores[0], scores[1])) - 0.5) < 0.12)
    }

    @Test(arguments: [(1.0, 0.0), (2, 1), (0.5, -1), (10, 3.321928094887362), (0.3, -1.736965594166206)])
    func binaryLogarithmIsExact(value: Double, expected: Double) {
        #expect(abs(logarithm2(value) - expected) < 1e-12)
    }

    @Test func theBestSettingOfTheGridHasTheStatedTruth() throws {
        var generator = SeededGenerator(seed: 8)
        for number in 1...20 {
            let loss = SimulatedLoss(
                id: CandidateID(number), name: "x", best: 6.5, on: defaultErrorRateGrid, using: &generator)
            let scores = defaultErrorRateGrid.settings.map { loss.score(at: $0, of: defaultErrorRateGrid) }
            #expect(abs(try #require(scores.max()) - 6.5) < 1e-12)
        }
    }
}
