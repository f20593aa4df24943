import LabCore
import LabTesting
import Testing

@testable import CampaignRunner

/// A proposer that may spend no more ends the search, and nothing else.
@Suite struct HaltTests {
    /// Proposes until it has been asked for so many losses; control arms cost nothing.
    private static func proposer(upTo limit: Int, reason: ModelHalt.Reason = .budget) -> FakeProposer {
        FakeProposer { request, generator in
            if request.arm == .evolution, request.number > limit { throw ModelHalt(reason, "nothing is left") }
            return FakeProposer.nearParents(request, &generator)
        }
    }

    @Test func whatWasProposedIsEvaluatedAndConfirmed() async throws {
        var campaign = TestCampaign()
        campaign.proposer = Self.proposer(upTo: 6)
        let confirmation = try await campaign.run()
        let candidates = await campaign.candidates()
        #expect(candidates.map(\.id.number) == Array(1...6) && candidates.allSatisfy(\.isScored))
        #expect(!confirmation.scores.isEmpty)
    }

    @Test func withTheSameBudgetAResumedSearchEndsWhereItEndedAndWithMoreItGoesOn() async throws {
        var campaign = TestCampaign()
        campaign.config.proposer.controlArms = [.random: 0.3]
        campaign.config.proposer.model = ProposingModelConfig(model: "m")
        campaign.proposer = Self.proposer(upTo: 6)
        let first = try await campaign.run()
        let before = await campaign.contents()
        #expect(try await campaign.run() == first)
        #expect(await campaign.contents() == before)
        campaign.proposer = Self.proposer(upTo: 100)
        campaign.config.budget.model = ModelBudget(usd: 5)
        _ = try await campaign.run()
        let after = await campaign.candidates()
        #expect(after.filter(\.isScored).count == 12)
        #expect(
            Array(after.prefix(before.snapshot.candidates.filter { $0.id.number > 0 }.count)).map(\.proposal.name)
                == before.snapshot.candidates.filter { $0.id.number > 0 }.map(\.proposal.name))
    }

    @Test func whatAPersonMustMendEndsTheCampaignAtOnce() async throws {
        var campaign = TestCampaign()
        campaign.proposer = Self.proposer(upTo: 0, reason: .misconfigured)
        let error = await #expect(throws: CampaignError.self) { try await campaign.run() }
        #expect(error?.code == .configuration && error?.message == "nothing is left")
        // Asked once for each slot at most, never again.
        #expect(campaign.proposer.requests.count <= 4)
    }
}
