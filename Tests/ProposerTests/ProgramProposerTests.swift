import ChatClient
import LabCore
import LabTesting
import Synchronization
import Testing

@testable import Proposer

@Suite struct ProgramProposerTests {
    private static let sound = FakeLoss(name: "fresh", value: 6)
    private static let refused = FakeLoss(name: "os-import", value: 6, behaviour: .refused)
    private static let twin = FakeLoss(name: "twin", value: 6, shape: "slic")

    /// Answers each step with the next of its replies, the last one for ever.
    private static func model(_ replies: [String: [String]]) -> ScriptedModel {
        let counter = Counter()
        return ScriptedModel { _, purpose, _ in
            let texts = replies[purpose.step] ?? (purpose.step == "analyse" ? [Replies.analysis] : [""])
            return texts[min(counter.next(purpose.step), texts.count - 1)]
        }
    }

    @Test func aSoundDraftIsProposedAsItIs() async throws {
        let model = Self.model(["write": [Replies.loss(Self.sound)]])
        let proposal = try await ProgramProposer(.test(model)).propose(FakeArchive.request(5))
        #expect(proposal.name == "fresh" && proposal.text == Self.sound.text && proposal.operation == "write")
        #expect(proposal.parents == [CandidateID(-4)] && proposal.reply?.prompt.contains("def kto_pair(") == true)
        #expect(model.steps == ["analyse", "write"])
        let trace = try #require(ProposalTrace(genome: proposal.genome))
        #expect(trace.isValidFirstTry && trace.calls == 2 && trace.promptTokens == 200 && trace.cost == 0.002)
        #expect(trace.shown.contains("kto_pair") && trace.shown.count == 4)
    }

    @Test func eachStepSeesOnlyWhatItIsHanded() async throws {
        let model = Self.model([
            "write": [Replies.loss(Self.refused)], "repair": [Replies.loss(Self.sound)],
            "critique": [#"{"edits": ["THE-EDIT"]}"#],
        ])
        var config = ProposingModelConfig(model: "m")
        config.critique = true
        _ = try await ProgramProposer(.test(model, config)).propose(FakeArchive.request(5))
        #expect(model.steps == ["analyse", "write", "repair", "critique", "repair"])
        let (analyse, write, repair, critique) = (model.text(0), model.text(1), model.text(2), model.text(3))
        #expect(analyse.contains("THE-TASK") && analyse.contains("kto_pair") && !analyse.contains("import torch"))
        #expect(write.contains("THE-HYPOTHESIS") && !write.contains("THE-LESSON") && write.contains("def kto_pair("))
        #expect(repair.contains("Import os is not allowed.") && repair.contains("def loss("))
        for text in [repair, critique, model.text(4)] {
            #expect(!text.contains("kto_pair") && !text.contains("THE-LESSON"))
        }
        #expect(!repair.contains("THE-HYPOTHESIS") && model.text(4).contains("THE-EDIT"))
    }

    @Test func aRefusedDraftIsRepairedTwiceAtMost() async throws {
        let model = Self.model(["write": [Replies.loss(Self.refused)], "repair": [Replies.loss(Self.refused)]])
        let proposal = try await ProgramProposer(.test(model)).propose(FakeArchive.request(5))
        #expect(model.steps == ["analyse", "write", "repair", "repair"])
        #expect(proposal.text == Self.refused.text)
        let trace = try #require(ProposalTrace(genome: proposal.genome))
        #expect(trace.attempts.count == 3 && !trace.isValid)
    }

    @Test func aDuplicateIsTakenForAFindingAndRepaired() async throws {
        let model = Self.model(["write": [Replies.loss(Self.twin)], "repair": [Replies.loss(Self.sound)]])
        let proposal = try await ProgramProposer(.test(model)).propose(FakeArchive.request(5))
        #expect(proposal.text == Self.sound.text && model.text(2).contains("the same as the earlier loss slic"))
        #expect(ProposalTrace(genome: proposal.genome)?.attempts.map { $0.findings.first?.code } == ["duplicate", nil])
    }

    @Test func whatReadingCutOutOfADraftIsToldWithWhatIsWrong() {
        let screening = Screening(
            accepted: false, name: "made", source: "def loss(): ...", removed: ["line 2: `tau = 0.7`"])
        let finding = ProposalTrace.Finding(code: "gradient", message: "wrong direction", line: nil)
        let refused = LossDraft(text: "x", reply: ReplyContext(), screening: screening, findings: [finding])
        #expect(refused.problems.last == "Left out of your code when it was read: line 2: `tau = 0.7`.")
        let sound = LossDraft(text: "x", reply: ReplyContext(), screening: screening, findings: [])
        #expect(sound.problems.isEmpty && sound.shapeInWords.hasSuffix("line 2: `tau = 0.7`."))
    }

    @Test func aRevisionThatIsNotSoundIsDropped() async throws {
        let model = Self.model([
            "write": [Replies.loss(Self.sound)], "critique": [#"{"edits": ["worse"]}"#],
            "repair": [Replies.loss(Self.refused)],
        ])
        var config = ProposingModelConfig(model: "m")
        config.critique = true
        let proposal = try await ProgramProposer(.test(model, config)).propose(FakeArchive.request(5))
        #expect(proposal.text == Self.sound.text)
    }

    @Test func anUnusableReplyIsAskedAgainWithTheReasonAndThenRejectedAsItIs() async throws {
        let model = Self.model(["write": ["I cannot write code."]])
        let proposal = try await ProgramProposer(.test(model)).propose(FakeArchive.request(5))
        #expect(model.steps == ["analyse", "write", "write", "repair", "repair"])
        #expect(
            model.requests[2].request.messages.last?.content.contains("The reply holds no Python function.") == true)
        #expect(proposal.text == "I cannot write code." && proposal.name == "model-5")
        #expect(ProposalTrace(genome: proposal.genome)?.attempts.first?.findings.first?.code == "no-code")
    }

    @Test func withoutAnAnalysisThePlainHypothesisServes() async throws {
        let model = Self.model(["analyse": ["no JSON"], "write": [Replies.loss(Self.sound)]])
        let proposal = try await ProgramProposer(.test(model)).propose(FakeArchive.request(5))
        #expect(model.steps == ["analyse", "analyse", "write"] && proposal.text == Self.sound.text)
        #expect(model.text(2).contains("A change in the shape of kto_pair"))
    }

    @Test func screeningIsToldThatAReplyWasCutOffAndWhatThePromptShowed() async throws {
        let model = Self.model(["write": ["```python\ndef loss(policy_chosen_logps…"], "repair": [""]])
        let proposal = try await ProgramProposer(.test(model)).propose(FakeArchive.request(5))
        let reply = try #require(proposal.reply)
        #expect(reply.isCutOff && reply.shown.contains { $0.hasPrefix("def kto_pair(") })
    }

    @Test func anAnalysisThatRepeatsThePromptIsNone() async throws {
        let echo =
            #"{"lesson": "x", "gap": "y", "hypothesis": "one testable sentence about the shape of a loss and why it should score higher"}"#
        let model = Self.model(["analyse": [echo], "write": [Replies.loss(Self.sound)]])
        _ = try await ProgramProposer(.test(model)).propose(FakeArchive.request(5))
        #expect(model.steps == ["analyse", "analyse", "write"])
        #expect(model.text(2).contains("A change in the shape of kto_pair"))
    }

    @Test func aPromptThatTheServerFindsTooLongShowsFewerLosses() async throws {
        let model = ScriptedModel { request, purpose, _ in
            guard purpose.step == "write" else { return Replies.analysis }
            let shown = request.messages.last?.content.components(separatedBy: "def ").count ?? 0
            if shown - 1 > 1 { throw ChatError(.contextOverflow, "too long") }
            return Replies.loss(Self.sound)
        }
        let proposal = try await ProgramProposer(.test(model)).propose(FakeArchive.request(5))
        #expect(proposal.text == Self.sound.text && model.steps == ["analyse", "write", "write", "write"])
        #expect(ProposalTrace(genome: proposal.genome)?.shown.count == 1)
    }

    @Test func withoutAnalysingThePlainHypothesisServes() async throws {
        let model = Self.model(["write": [Replies.loss(Self.sound)]])
        var config = ProposingModelConfig(model: "m")
        config.analyse = false
        _ = try await ProgramProposer(.test(model, config)).propose(FakeArchive.request(5))
        #expect(model.steps == ["write"] && model.text(0).contains("A change in the shape of kto_pair"))
    }

    @Test func equalPromptsOfAGenerationCarryDifferentSeeds() async throws {
        let model = Self.model(["write": [Replies.loss(Self.sound)]])
        let proposer = try ProgramProposer(.test(model))
        _ = try await proposer.propose(FakeArchive.request(5, seed: 1))
        _ = try await proposer.propose(FakeArchive.request(6, seed: 2))
        #expect(model.requests[0].request.messages == model.requests[2].request.messages)
        #expect(model.requests[0].request.seed != model.requests[2].request.seed)
    }

    /// Killed at every write in turn: what was stored is not asked again, and the proposal is the same.
    @Test(arguments: [RecordingStepStore.Death.beforeWriting, .afterWriting])
    func noAnsweredCallIsMadeAgainAfterAKill(death: RecordingStepStore.Death) async throws {
        let replies = [
            "write": [Replies.loss(Self.refused)], "repair": [Replies.loss(Self.refused), Replies.loss(Self.sound)],
        ]
        let whole = Self.model(replies)
        let expected = try await ProgramProposer(.test(whole)).propose(FakeArchive.request(5))
        #expect(whole.steps.count == 4)
        for moment in 1...4 {
            let store = InMemoryStepStore()
            let log = MemoryLog()
            let first = Self.model(replies)
            let dying = RecordingStepStore(store, killAt: moment, death: death)
            await #expect(throws: RecordingStepStore.Killed.self) {
                try await ProgramProposer(.test(first, store: dying, log: log)).propose(FakeArchive.request(5))
            }
            let done = moment - (death == .beforeWriting ? 1 : 0)
            // The second process answers by what is asked, not by how often: its first repair is the one still open.
            let resumed = ScriptedModel { request, purpose, _ in
                guard let earlier = whole.requests.firstIndex(where: { $0.request == request }) else {
                    throw ChatError(.badRequest, "asked something else than before")
                }
                return ["analyse": [Replies.analysis]].merging(replies) { $1 }[purpose.step]?[
                    whole.steps[...earlier].count { $0 == purpose.step } - 1] ?? ""
            }
            let proposal = try await ProgramProposer(.test(resumed, store: store, log: log)).propose(
                FakeArchive.request(5))
            #expect(proposal == expected)
            #expect(resumed.requests.map(\.request) == whole.requests.dropFirst(done).map(\.request))
            #expect(log.exchanges.count == 4)
        }
    }
}

/// What happens when nothing is answered.
@Suite struct ModelFailureTests {
    private func failing(_ kind: ChatError.Kind) -> (ScriptedModel, MemoryLog) {
        (ScriptedModel { _, _, _ in throw ChatError(kind, "trouble") }, MemoryLog())
    }

    @Test(arguments: [ChatError.Kind.network, .rateLimited, .serverError, .timedOut, .malformedReply])
    func ourFaultsAreThrownAndOnRecord(kind: ChatError.Kind) async throws {
        let (model, log) = failing(kind)
        await #expect(throws: ChatError(kind, "trouble")) {
            try await ProgramProposer(.test(model, log: log)).propose(FakeArchive.request(1))
        }
        #expect(log.exchanges.map(\.failure?.kind) == [kind] && log.exchanges.first?.request.messages.isEmpty == false)
    }

    @Test func aSpentBudgetHaltsTheSearch() async throws {
        let (model, _) = failing(.budgetReached)
        let halt = await #expect(throws: ModelHalt.self) {
            try await ProgramProposer(.test(model)).propose(FakeArchive.request(1))
        }
        #expect(halt?.reason == .budget)
    }

    @Test(arguments: [ChatError.Kind.refusedKey, .unknownModel, .configuration])
    func whatOnlyAPersonCanMendEndsTheCampaign(kind: ChatError.Kind) async throws {
        let (model, _) = failing(kind)
        let halt = await #expect(throws: ModelHalt.self) {
            try await ProgramProposer(.test(model)).propose(FakeArchive.request(1))
        }
        #expect(halt?.reason == .misconfigured)
    }

    @Test func aRefusedContentIsTheModelsAnswer() async throws {
        let (model, log) = failing(.contentRefused)
        let proposal = try await ProgramProposer(.test(model, log: log)).propose(FakeArchive.request(1))
        #expect(ProposalTrace(genome: proposal.genome)?.attempts.first?.findings.first?.code == "refused")
        #expect(log.exchanges.allSatisfy { $0.reply?.choices.first?.finish == .refusal })
    }

    @Test func theModelIsNotShownWhatTheControlArmsFound() async throws {
        let model = ScriptedModel { _, _, _ in Replies.loss(FakeLoss(name: "fresh", value: 6)) }
        func found(_ number: Int, _ arm: SearchArm) -> Candidate {
            let loss = FakeLoss(name: "found_by_\(arm == .evolution ? "model" : "grammar")", value: 7)
            let base = FakeArchive.candidate(number, loss, mean: 7)
            return Candidate(
                id: base.id, arm: arm, generation: 1, proposal: base.proposal, source: base.source,
                fingerprint: base.fingerprint, shape: nil, status: base.status, tuned: base.tuned)
        }
        let own = found(1, .evolution), other = found(2, .random)
        let request = ProposalRequest(
            arm: .evolution, parents: [own, other],
            snapshot: ArchiveSnapshot(candidates: FakeArchive.burnIn + [own, other]), seed: 1, number: 3)
        let proposal = try await ArmRouter(searching: try ProgramProposer(.test(model))).propose(request)
        let texts = model.requests.indices.map(model.text).joined()
        #expect(texts.contains("found_by_model") && !texts.contains("found_by_grammar"))
        #expect(proposal.parents == [CandidateID(1)])
    }

    @Test func controlArmsAskNoModel() async throws {
        let (model, _) = failing(.refusedKey)
        let router = ArmRouter(searching: try ProgramProposer(.test(model)))
        for arm in [SearchArm.random, .bestOfN] {
            let request = Requests.request(arm, seed: 3)
            let proposal = try await router.propose(request)
            #expect(proposal == GrammarProposer().proposal(for: request))
        }
        #expect(model.requests.isEmpty)
    }
}

/// Counts by name, from 0.
private final class Counter: Sendable {
    private let counts = Mutex<[String: Int]>([:])

    func next(_ name: String) -> Int {
        counts.withLock { counts in
            defer { counts[name, default: 0] += 1 }
            return counts[name, default: 0]
        }
    }
}
