import LabCore
import LabTesting
import Testing

@testable import CampaignRunner

/// Tests that watch the clock, one after another so that they do not disturb each other.
@Suite(.serialized) enum TimedTests {}

extension TimedTests {
    @Suite struct WedgeTests {
        /// What the best-known peer hangs on for good: every tenth candidate never returns.
        @Test func tenOfAHundredCandidatesLoopForEverAndAllAreAccountedForInTwentySeconds() async throws {
            var campaign = TestCampaign()
            campaign.config.workers = 4
            campaign.config.budget = BudgetConfig(candidates: 100, generationSize: 100, proposalFactor: 1)
            campaign.limits.trial = .seconds(5)
            campaign.proposer = FakeProposer { request, generator in
                FakeLoss(
                    name: "c\(request.number)", value: 5.5 + 0.1 * generator.normal(),
                    behaviour: request.number % 10 == 3 ? .hangs : .sound)
            }
            let started = ContinuousClock.now
            _ = try await campaign.run()
            let seconds = started.duration(to: .now).inSeconds
            let candidates = await campaign.candidates()
            #expect(candidates.count == 100)
            #expect(candidates.filter(\.isScored).count == 90)
            let failures = candidates.compactMap { candidate -> String? in
                guard case .failed(let reason) = candidate.status else { return nil }
                return reason
            }
            #expect(failures.count == 10)
            #expect(failures.allSatisfy { $0.contains("no answer within 5.0 s") })
            #expect(seconds < 20, "took \(seconds) s")
        }

        @Test func aScreenerThatNeverReturnsCostsItsCandidateOnly() async throws {
            struct StuckScreener: LossScreener {
                let base = FakeScreener()
                func screen(_ text: String, name: String?, reply: ReplyContext?) async throws -> Screening {
                    if name == "c2" { await withUnsafeContinuation { (_: UnsafeContinuation<Void, Never>) in } }
                    return try await base.screen(text, name: name, reply: reply)
                }
            }
            let campaign = TestCampaign()
            var limits = campaign.limits
            limits.screening = .milliseconds(100)
            let runner = try CampaignRunner(
                config: campaign.config, grid: TestCampaign.grid, catalogue: campaign.catalogue,
                stages: CampaignStages(
                    proposer: campaign.proposer, screener: StuckScreener(),
                    trials: TrialPipeline(trainer: campaign.trainer, judge: FakeJudge()), identity: ExperimentIdentity()
                ),
                storage: CampaignStorage(archive: campaign.archive, steps: campaign.steps, cache: campaign.cache),
                limits: limits)
            _ = try await runner.run()
            let candidates = await campaign.candidates()
            guard case .failed(let reason) = candidates[1].status else {
                throw FakeFailure(description: "\(candidates[1].status)")
            }
            #expect(reason.contains("screening of c2: no answer within 0.1 s"))
            #expect(candidates.filter(\.isScored).count == 12)
        }
    }
}
