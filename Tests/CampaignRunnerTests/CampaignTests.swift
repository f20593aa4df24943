import LabCore
import LabTesting
import Testing

@testable import CampaignRunner

@Suite struct CampaignTests {
    @Test func catalogueSearchAndConfirmationAllReachTheArchive() async throws {
        let campaign = TestCampaign()
        let confirmation = try await campaign.run()
        let contents = await campaign.contents()
        #expect(
            contents.snapshot.candidates.filter { $0.arm == .catalogue }.map(\.proposal.name) == [
                "zero", "kto", "ipo", "dpo",
            ])
        #expect(await campaign.candidates().filter(\.isScored).count == 12)
        #expect(contents.confirmation == confirmation)
        let worlds = Set(confirmation.scores.map(\.world))
        #expect(worlds == ["base", "transfer"])
        // The best catalogue loss goes with two more settings, and only where the verdict is decided.
        #expect(Set(confirmation.scores.filter { $0.world == "base" }.map(\.name)).isSuperset(of: ["kto", "dpo"]))
        let kto = confirmation.scores.filter { $0.world == "base" && $0.name.hasPrefix("kto") }
        #expect(Set(kto.map(\.setting)).count == 3)
        #expect(confirmation.scores.filter { $0.world == "transfer" && $0.name.hasPrefix("kto") }.count == 1)
        #expect(confirmation.scores.allSatisfy { $0.seeds == Array(101...106) })
        #expect(confirmation.scores.filter { $0.world == "base" }.allSatisfy { $0.shrinkage != nil })
        let finalist = try #require(confirmation.scores.first)
        let id = try #require(contents.snapshot.candidates.first { $0.lossName == finalist.name }?.id)
        #expect(contents.trials[id.number]?.filter { $0.spec.fidelity == .confirmation }.count == 12)
    }

    @Test func equalSeedsGiveEqualArchivesAndOthersDoNot() async throws {
        var first = TestCampaign()
        first.proposer = unrulyProposer()
        var second = TestCampaign()
        second.proposer = unrulyProposer()
        var third = TestCampaign()
        third.config.seed = 2
        for campaign in [first, second, third] { _ = try await campaign.run() }
        #expect(await first.contents() == second.contents())
        #expect(await first.contents() != third.contents())
    }

    @Test func theOrderOfCompletionChangesNothing() async throws {
        var orderly = TestCampaign()
        orderly.proposer = unrulyProposer()
        orderly.config.workers = 1
        _ = try await orderly.run()
        for shuffle in 1...3 {
            var shuffled = TestCampaign()
            shuffled.proposer = unrulyProposer()
            shuffled.config.workers = 5
            shuffled.trainer = FakeTrainer { loss, spec in
                .microseconds(Int(stableHash("\(shuffle) \(loss?.name ?? "") \(spec.slug)") % 3000))
            }
            _ = try await shuffled.run()
            #expect(await orderly.contents() == shuffled.contents())
        }
    }

    @Test func everyProposalIsAccountedFor() async throws {
        var campaign = TestCampaign()
        campaign.proposer = unrulyProposer()
        _ = try await campaign.run()
        let candidates = await campaign.candidates()
        #expect(candidates.map(\.id.number) == Array(1...candidates.count))
        #expect(Set(campaign.proposer.requests.keys) == Set(1...candidates.count))
        #expect(candidates.filter(\.isScored).count == 12)
        for candidate in candidates {
            switch candidate.id.number % 7 {
            case 2:
                #expect(
                    candidate.status
                        == .rejected(Rejection(code: "import", message: "import os is not allowed", line: 1)))
            case 3:
                #expect(candidate.status == .rejected(Rejection(code: "nonfinite", message: "loss is NaN at step 3")))
            case 5: #expect(candidate.status == .duplicate(of: "dpo"))
            default: #expect(candidate.isScored)
            }
        }
        // A duplicate or refused loss never costs a training.
        let trained = Set(campaign.trainer.calls.keys.compactMap { $0.split(separator: " ").first.map(String.init) })
        #expect(
            candidates.filter { [2, 5].contains($0.id.number % 7) }.allSatisfy { !trained.contains($0.proposal.name) })
    }

    @Test func aCandidateThatFailsIsRecordedAndTheCampaignGoesOn() async throws {
        var campaign = TestCampaign()
        campaign.proposer = FakeProposer { request, generator in
            let behaviours: [Int: FakeLoss.Behaviour] = [3: .crashes, 6: .crashesScreening]
            return FakeLoss(
                name: "c\(request.number)", value: 6 + 0.1 * generator.normal(),
                behaviour: behaviours[request.number] ?? .sound)
        }
        _ = try await campaign.run()
        let candidates = await campaign.candidates()
        #expect(candidates.count == 14)
        guard case .failed(let crash) = candidates[2].status, case .failed(let screening) = candidates[5].status else {
            throw FakeFailure(description: "\(candidates.map(\.status))")
        }
        #expect(crash.contains("worker died"))
        #expect(screening.contains("screening process died"))
    }

    @Test func aBadCatalogueLossNeverStopsTheCampaign() async throws {
        var campaign = TestCampaign()
        campaign.catalogue += [
            FakeLoss(name: "refused", value: 6, behaviour: .refused).source(),
            FakeLoss(name: "diverging", value: 6, behaviour: .diverges).source(),
            FakeLoss(name: "crashing", value: 6, behaviour: .crashes).source(),
            FakeLoss(name: "unscreenable", value: 6, behaviour: .crashesScreening).source(),
        ]
        _ = try await campaign.run()
        let statuses = await campaign.contents().snapshot.candidates.filter { $0.arm == .catalogue }.map(\.isScored)
        // By id: unscreenable, crashing, diverging, refused, then the control and the sound ones.
        #expect(statuses == [false, false, false, false, true, true, true, true])
    }

    @Test func theCatalogueIsTunedOnceForAllCampaigns() async throws {
        let first = TestCampaign()
        _ = try await first.run()
        var second = TestCampaign()
        second.config.name = "second"
        second.config.seed = 9
        second.cache = first.cache
        _ = try await second.run()
        #expect(first.trainer.calls.keys.contains { $0.hasPrefix("kto ") })
        #expect(
            !second.trainer.calls.keys.contains { key in
                ["dpo ", "ipo ", "kto ", "zero "].contains { key.hasPrefix($0) }
            })
        #expect(second.screener.calls["dpo"] == nil)
    }

    @Test func controlArmsGetTheirShareAndNoFeedback() async throws {
        var campaign = TestCampaign()
        campaign.config.proposer.controlArms = [.random: 0.25, .bestOfN: 0.25]
        let seen = Collected<(SearchArm, Int, Int)>()
        campaign.proposer = FakeProposer { request, generator in
            seen.add((request.arm, request.parents.count, request.snapshot.candidates.count))
            return FakeProposer.nearParents(request, &generator)
        }
        _ = try await campaign.run()
        let arms = await campaign.candidates().map(\.arm)
        #expect(arms.filter { $0 == .random }.count == 3)
        #expect(arms.filter { $0 == .bestOfN }.count == 3)
        #expect(
            seen.values.allSatisfy { arm, parents, snapshot in
                arm == .evolution ? parents == 2 && snapshot >= 4 : parents == 0 && snapshot == 0
            })
    }

    @Test func aRejectionIsShownToTheNextGeneration() async throws {
        var campaign = TestCampaign()
        let shown = Collected<String>()
        campaign.proposer = FakeProposer { request, generator in
            for candidate in request.snapshot.candidates {
                if case .rejected(let rejection) = candidate.status { shown.add(rejection.message) }
            }
            return unrulyBehaviour(request, &generator)
        }
        _ = try await campaign.run()
        #expect(Set(shown.values) == ["loss is NaN at step 3"])
    }

    private func unrulyBehaviour(_ request: ProposalRequest, _ generator: inout SeededGenerator) -> FakeLoss {
        let base = FakeProposer.nearParents(request, &generator)
        return FakeLoss(name: base.name, value: base.value, behaviour: request.number == 2 ? .diverges : .sound)
    }

    @Test func anUnknownCatalogueNameAndAMissingDPOAreNamed() {
        var unknown = TestCampaign()
        unknown.config.catalogue = ["dpo", "dpoo"]
        var without = TestCampaign()
        without.config.catalogue = ["kto"]
        for (campaign, word) in [(unknown, "dpoo"), (without, "dpo")] {
            let error = #expect(throws: CampaignError.self) {
                _ = try CampaignRunner(
                    config: campaign.config, grid: TestCampaign.grid, catalogue: campaign.catalogue,
                    stages: CampaignStages(
                        proposer: campaign.proposer, screener: campaign.screener,
                        trials: TrialPipeline(trainer: campaign.trainer, judge: FakeJudge()),
                        identity: ExperimentIdentity()),
                    storage: CampaignStorage(
                        archive: campaign.archive, steps: campaign.steps, cache: campaign.cache))
            }
            #expect(error?.code == .configuration)
            #expect(error?.message.contains(word) == true)
        }
    }
}
