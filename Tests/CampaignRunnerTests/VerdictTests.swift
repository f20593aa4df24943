import LabCore
import LabTesting
import Testing

@testable import CampaignRunner

/// Whole campaigns in worlds whose truth is known.
@Suite struct VerdictTests {
    /// Proposed losses of the given true values, in turn; the catalogue's best is kto with 6, dpo has 5.8.
    private func campaign(values: @escaping @Sendable (Int) -> Double) -> TestCampaign {
        var campaign = TestCampaign()
        campaign.trainer = FakeTrainer(questions: 20)
        campaign.config.confirmation.seeds = Array(101...112)
        campaign.config.budget = BudgetConfig(candidates: 20, generationSize: 10)
        campaign.proposer = FakeProposer { request, _ in
            FakeLoss(name: "c\(request.number)", value: values(request.number))
        }
        return campaign
    }

    @Test func withoutATrueImprovementThereIsNoDiscovery() async throws {
        let confirmation = try await campaign { _ in 5.8 }.run()
        #expect(confirmation.verdict == .noDiscovery)
        #expect(confirmation.winner == nil)
    }

    @Test func aPlantedBetterLossIsDiscovered() async throws {
        let confirmation = try await campaign { $0 == 5 ? 6.5 : 5.7 }.run()
        #expect(confirmation.verdict == .discovery)
        #expect(confirmation.winner == "c5")
        let lead = try #require(
            confirmation.comparisons.first { $0.candidate == "c5" && $0.against == "kto" && $0.world == "base" })
        #expect(lead.difference.interval()?.contains(0.5) == true)
    }

    @Test func betterThanDPOButNotThanTheBestIsSaidSo() async throws {
        let confirmation = try await campaign { $0 == 5 ? 6 : 5.5 }.run()
        #expect(confirmation.verdict == .beatsDPOOnly)
        #expect(confirmation.winner == "c5")
    }

    @Test func theBestOfManyEqualsShrinksOnConfirmation() async throws {
        var campaign = campaign { _ in 5.8 }
        campaign.config.budget = BudgetConfig(candidates: 60, generationSize: 20)
        let confirmation = try await campaign.run()
        let shrinkages = confirmation.scores.filter { $0.world == "base" && $0.name.hasPrefix("c") }
        // Seeds and questions of the two differ in difficulty for all losses alike: compare with dpo's.
        let dpo = try #require(confirmation.scores.first { $0.name == "dpo" && $0.world == "base" }?.shrinkage)
        #expect(!shrinkages.isEmpty)
        #expect(shrinkages.allSatisfy { ($0.shrinkage ?? 0) > dpo })
    }

    @Test func aFinalistThatDivergesUnderFreshSeedsIsToldAndWinsNothing() async throws {
        struct FragileTrainer: PolicyTrainer {
            let base: FakeTrainer
            func train(_ loss: LossSource?, as spec: TrialSpec) async throws -> TrainingOutcome {
                if loss?.name == "c5", spec.seed == 105 {
                    return .rejected(Rejection(code: "nonfinite", message: "loss is NaN at step 9"))
                }
                return try await base.train(loss, as: spec)
            }
        }
        let campaign = campaign { $0 == 5 ? 7 : 5.5 }
        let runner = try CampaignRunner(
            config: campaign.config, grid: TestCampaign.grid, catalogue: campaign.catalogue,
            stages: CampaignStages(
                proposer: campaign.proposer, screener: campaign.screener,
                trials: TrialPipeline(trainer: FragileTrainer(base: campaign.trainer), judge: FakeJudge()),
                identity: ExperimentIdentity()),
            storage: CampaignStorage(archive: campaign.archive, steps: campaign.steps, cache: campaign.cache))
        let confirmation = try await runner.run()
        #expect(confirmation.verdict == .noDiscovery)
        #expect(confirmation.summary.contains { $0.contains("c5 could not be trained with 1 of 12 seeds in base") })
        #expect(confirmation.scores.first { $0.name == "c5" }?.seeds.count == 11)
    }
}
