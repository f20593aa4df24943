import LabCore
import LabTesting
import Testing

@testable import CampaignRunner

@Suite struct BudgetTests {
    @Test func candidatesEndTheSearchExactly() async throws {
        var campaign = TestCampaign()
        campaign.config.budget = BudgetConfig(candidates: 7, generationSize: 3)
        _ = try await campaign.run()
        let candidates = await campaign.candidates()
        #expect(candidates.map(\.generation) == [1, 1, 1, 2, 2, 2, 3])
    }

    @Test func aProposerOfNothingUsefulEndsByItsProposalsAndTheVerdictIsNoDiscovery() async throws {
        var campaign = TestCampaign()
        campaign.config.budget = BudgetConfig(candidates: 6, generationSize: 4, proposalFactor: 2.5)
        campaign.proposer = FakeProposer { request, _ in
            FakeLoss(name: "c\(request.number)", value: 6, behaviour: .refused)
        }
        let confirmation = try await campaign.run()
        #expect(await campaign.candidates().count == 15)
        #expect(confirmation.verdict == .noDiscovery)
        #expect(confirmation.winner == nil)
        #expect(confirmation.scores.map(\.name).contains("dpo"))
    }

    @Test func timeEndsTheSearchWithinItsSecondsAndStaysEnded() async throws {
        /// Each reading of the clock is 10 s after the one before, so a generation takes 10 s.
        let ticks = Collected<Int>()
        var campaign = TestCampaign()
        campaign.config.budget = BudgetConfig(candidates: 40, generationSize: 4, seconds: 35)
        campaign.clock = {
            ticks.add(0)
            return Double(ticks.values.count * 10)
        }
        _ = try await campaign.run()
        // The fourth would end at 40 s.
        #expect(await campaign.candidates().count == 12)

        var faster = campaign
        faster.clock = { 0 }
        _ = try await faster.run()
        #expect(await faster.candidates().count == 12)
    }

    @Test func everyGenerationIsReported() async throws {
        var campaign = TestCampaign()
        let generations = Collected<[Int]>()
        campaign.events = { event in
            if case .generationFinished(let number, let evaluated) = event { generations.add([number, evaluated]) }
        }
        _ = try await campaign.run()
        #expect(generations.values == [[1, 4], [2, 8], [3, 12]])
    }

    @Test func armsAreInterleavedByTheirShares() {
        let schedule = ArmSchedule(ProposerConfig(controlArms: [.random: 0.2, .bestOfN: 0.2]))
        let arms = schedule.next(10, after: [:])
        #expect(arms.filter { $0 == .evolution }.count == 6)
        #expect(arms.filter { $0 == .random }.count == 2)
        #expect(arms.prefix(5).contains(.bestOfN))
        // Nothing depends on how the slots divide into generations.
        var had: [SearchArm: Int] = [:]
        var oneByOne: [SearchArm] = []
        for _ in 0..<10 {
            let arm = schedule.next(1, after: had)[0]
            had[arm, default: 0] += 1
            oneByOne.append(arm)
        }
        #expect(oneByOne == arms)
        #expect(ArmSchedule(ProposerConfig()).next(3, after: [:]) == [.evolution, .evolution, .evolution])
    }
}
