import LabCore
import LabTesting
import Synchronization
import Testing

@testable import CampaignRunner

/// A judge that costs something, and a budget that ends while it grades.
@Suite struct JudgeBudgetTests {
    /// Grades so many answer sets, then is told that the money is gone.
    private final class MeteredJudge: AnswerJudge {
        private let left: Mutex<Int>
        private let reason: ModelHalt.Reason

        init(_ limit: Int, reason: ModelHalt.Reason = .budget) {
            left = Mutex(limit)
            self.reason = reason
        }

        func judge(_ answers: [Answer], of world: String, questions: QuestionSet) async throws -> [Judgment] {
            let mayGrade = left.withLock { left in
                left -= 1
                return left >= 0
            }
            guard mayGrade else { throw ModelHalt(reason, "the budget of 5 US dollars is reached; raise the budget") }
            return try await FakeJudge().judge(answers, of: world, questions: questions)
        }
    }

    private func campaign() -> TestCampaign {
        var campaign = TestCampaign()
        campaign.proposer = unrulyProposer()
        campaign.config.budget.model = ModelBudget(usd: 5)
        return campaign
    }

    @Test func endedAgainAndAgainInCatalogueSearchAndConfirmationTheArchiveIsTheUninterruptedOne() async throws {
        let whole = campaign()
        _ = try await whole.run()
        let halting = campaign()
        var (halts, inCatalogue, inConfirmation) = (0, 0, 0)
        while true {
            var next = halting
            next.judge = MeteredJudge(21)
            let stages = Collected<String>()
            next.events = { if case .stage(let name, _) = $0 { stages.add(name) } }
            do {
                _ = try await next.run()
                break
            } catch let interruption as CampaignInterrupted {
                halts += 1
                inCatalogue += stages.values.last?.hasPrefix("catalogue") == true ? 1 : 0
                inConfirmation += stages.values.last == "confirmation" ? 1 : 0
                #expect(interruption.spentBudget != nil)
                for candidate in await halting.candidates() {
                    if case .failed(let reason) = candidate.status { Issue.record("\(candidate.id): \(reason)") }
                }
            }
            try #require(halts < 200)
        }
        #expect(inCatalogue > 0 && inConfirmation > 0 && halts > inCatalogue + inConfirmation)
        #expect(await halting.contents() == whole.contents())
    }

    @Test func theMessageSaysHowToGoOn() async throws {
        var campaign = campaign()
        campaign.judge = MeteredJudge(3)
        let error = await #expect(throws: CampaignInterrupted.self) { try await campaign.run() }
        let text = error.map { "\($0)" } ?? ""
        #expect(
            text == "campaign test is not finished: the budget of 5 US dollars is reached; raise the budget: "
                + "losslab campaign resume test --budget-usd USD; finished work is stored")
    }

    @Test func trialsOnTheirWayFinishAsFarAsTheMoneyGoesAndNoneBeginsAfter() async throws {
        var campaign = campaign()
        campaign.config.workers = 3
        let asked = Collected<TrialSpec>()
        campaign.events = { if case .trialFinished(_, let spec, _, _, _) = $0 { asked.add(spec) } }
        campaign.judge = MeteredJudge(2 * 9)
        await #expect(throws: CampaignInterrupted.self) { try await campaign.run() }
        // 18 answer sets are nine trials, or fewer by those that got only one of their two graded.
        #expect((7...9).contains(asked.values.count), "\(asked.values.count)")
    }

    @Test func aJudgeThatCanNeverBeAskedEndsTheCampaignAtOnce() async throws {
        var campaign = campaign()
        campaign.judge = MeteredJudge(0, reason: .misconfigured)
        let error = await #expect(throws: CampaignError.self) { try await campaign.run() }
        #expect(error?.code == .configuration && error?.message.contains("budget") == true)
    }
}
