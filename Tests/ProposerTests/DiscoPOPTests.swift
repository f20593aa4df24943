import ChatClient
import LabCore
import LabTesting
import Testing

@testable import Proposer

@Suite struct DiscoPOPTests {
    private static let sound = FakeLoss(name: "one", value: 6.3)
    private static let refused = FakeLoss(name: "bad", value: 6, behaviour: .refused)

    /// The roles and first words of a conversation.
    private func outline(_ request: ChatRequest) -> [String] {
        request.messages.map { message in
            "\(message.role.rawValue): \(message.content.split(separator: "\n").first.map { String($0.prefix(60)) } ?? "")"
        }
    }

    @Test func theConversationOpensWithFourLossesAndTheirFitness() async throws {
        let model = ScriptedModel { _, _, _ in Replies.loss(Self.sound) }
        let proposal = try await DiscoPOPProposer(.test(model)).propose(FakeArchive.request(1))
        #expect(proposal.text == Self.sound.text && proposal.parents.isEmpty && proposal.operation == "discopop")
        let messages = model.requests[0].request.messages
        #expect(messages.map(\.role) == [.system, .user])
        for key in ["\"thought\"", "\"name\"", "\"code\"", "policy_chosen_logps", "fitness"] {
            #expect(messages[0].content.contains(key))
        }
        var rest = messages[1].content[...]
        for loss in ["dpo", "slic", "ipo", "kto_pair"] {
            let found = try #require(rest.range(of: "name: \(loss)\n"))
            rest = rest[found.upperBound...]
            #expect(rest.contains("fitness: "))
        }
        guard case .schema(_, let schema) = model.requests[0].request.format else {
            Issue.record("no schema")
            return
        }
        #expect(["thought", "name", "code"].allSatisfy { schema.contains("\"\($0)\"") })
    }

    @Test func whatCameOfEachLossIsTheNextMessage() async throws {
        let store = InMemoryStepStore()
        let losses = [
            Self.sound, FakeLoss(name: "two", value: 6), FakeLoss(name: "three", value: 6),
            FakeLoss(name: "four", value: 6),
            FakeLoss(name: "five", value: 6),
        ]
        let model = ScriptedModel { _, purpose, _ in Replies.loss(losses[(purpose.candidate ?? 1) - 1]) }
        let proposer = try DiscoPOPProposer(.test(model, store: store))
        var archive = FakeArchive.burnIn
        let outcomes: [(Double?, CandidateStatus?)] = [
            (6.3, nil), (nil, .rejected(Rejection(code: "nonfinite", message: "loss is NaN at step 3"))),
            (nil, .duplicate(of: "ipo")), (nil, .failed("worker lost")),
        ]
        for (number, outcome) in outcomes.enumerated() {
            _ = try await proposer.propose(FakeArchive.request(number + 1, archive))
            archive.append(
                FakeArchive.candidate(number + 1, losses[number], mean: outcome.0, status: outcome.1))
        }
        _ = try await proposer.propose(FakeArchive.request(5, archive))
        let last = try #require(model.requests.last?.request)
        #expect(last.messages.map(\.role.rawValue).joined(separator: " ").hasPrefix("system user assistant user"))
        let users = last.messages.filter { $0.role == .user }.dropFirst().map(\.content)
        #expect(users.count == 3, "\(outline(last))")
        #expect(users[0].hasPrefix("Fitness: 6.300 ± ") && users[0].hasSuffix("Propose the next one."))
        #expect(users[1].contains("Training failed.") && users[1].contains("loss is NaN at step 3"))
        #expect(users[2].contains("the same as ipo"))
        // What failed by our fault has left no trace.
        #expect(!last.messages.contains { $0.content.contains("# fake four") || $0.content.contains("worker lost") })
    }

    @Test func invalidCodeIsAnsweredWithItsErrorAndSampledAgain() async throws {
        let model = ScriptedModel { _, _, number in
            [Replies.loss(Self.refused), "not JSON at all", Replies.loss(Self.sound)][min(number, 2)]
        }
        let store = InMemoryStepStore()
        let proposal = try await DiscoPOPProposer(.test(model, store: store)).propose(FakeArchive.request(1))
        #expect(proposal.text == Self.sound.text)
        let last = model.requests[2].request.messages
        #expect(last.map(\.role) == [.system, .user, .assistant, .user, .assistant, .user])
        #expect(last[3].content.contains("Code not valid.") && last[3].content.contains("Import os is not allowed."))
        #expect(last[4].content == "not JSON at all" && last[5].content.contains("The reply holds no Python function."))
        let trace = try #require(ProposalTrace(genome: proposal.genome))
        #expect(trace.attempts.count == 3 && trace.isValid && !trace.isValidFirstTry)
    }

    @Test func samplesAreBounded() async throws {
        let model = ScriptedModel { _, _, _ in Replies.loss(Self.refused) }
        var config = ProposingModelConfig(model: "m")
        config.repairs = 2
        let store = InMemoryStepStore()
        let proposer = try DiscoPOPProposer(.test(model, config, store: store))
        let proposal = try await proposer.propose(FakeArchive.request(1))
        #expect(model.requests.count == 3 && proposal.text == Self.refused.text)
        // The next candidate of the same generation, whose snapshot does not show the first yet.
        _ = try await proposer.propose(FakeArchive.request(2))
        let roles = model.requests[3].request.messages.map(\.role)
        #expect(roles.suffix(2) == [.assistant, .user] && roles.count == 8)
    }

    @Test func aResumedCampaignHasTheSameConversation() async throws {
        func run(resuming: Bool) async throws -> [ChatRequest] {
            let store = InMemoryStepStore()
            let model = ScriptedModel { _, purpose, _ in
                Replies.loss(FakeLoss(name: "c\(purpose.candidate ?? 0)", value: 6))
            }
            var archive = FakeArchive.burnIn
            var proposer = try DiscoPOPProposer(.test(model, store: store))
            for number in 1...4 {
                if resuming {
                    // A new process, which also finds its last call answered.
                    proposer = try DiscoPOPProposer(.test(model, store: store))
                    if number > 1 {
                        _ = try await proposer.propose(FakeArchive.request(number - 1, Array(archive.dropLast())))
                    }
                }
                _ = try await proposer.propose(FakeArchive.request(number, archive))
                archive.append(FakeArchive.candidate(number, FakeLoss(name: "c\(number)", value: 6), mean: 6))
            }
            return model.requests.map(\.request)
        }
        let whole = try await run(resuming: false)
        #expect(whole.count == 4)
        #expect(try await run(resuming: true) == whole)
    }

    @Test func theHistoryStaysWithinTheContextAndKeepsTheBest() {
        var history = DiscoPOPHistory()
        for number in 1...30 {
            history.append(
                DiscoPOPTurn(
                    candidate: number,
                    messages: [ChatMessage(.assistant, "loss \(number) " + String(repeating: "x", count: 600))],
                    isValid: true, feedback: [ChatMessage(.user, "feedback \(number)")],
                    fitness: number == 3 ? 9 : Double(number) / 10))
        }
        let opening = [ChatMessage(.system, String(repeating: "y", count: 300))]
        let messages = history.messages(within: 2_000, besides: opening)
        #expect(DiscoPOPHistory.tokens(messages + opening) <= 2_000)
        let kept = messages.filter { $0.role == .assistant }.compactMap {
            $0.content.split(separator: " ").dropFirst().first
        }
        #expect(kept.first == "3" && kept.last == "30" && kept.count > 4)
        #expect(messages.map(\.role) == kept.flatMap { _ in [ChatMessage.Role.assistant, .user] })
        #expect(history.messages(within: 100, besides: opening).isEmpty)
    }

    @Test func aConversationThatTheServerFindsTooLongIsShortened() async throws {
        let store = InMemoryStepStore()
        let model = ScriptedModel { request, purpose, _ in
            if request.messages.count > 4 { throw ChatError(.contextOverflow, "too long") }
            return Replies.loss(FakeLoss(name: "c\(purpose.candidate ?? 0)", value: 6))
        }
        var config = ProposingModelConfig(model: "m")
        config.contextTokens = 6_000
        let proposer = try DiscoPOPProposer(.test(model, config, store: store))
        var archive = FakeArchive.burnIn
        for number in 1...3 {
            _ = try await proposer.propose(FakeArchive.request(number, archive))
            archive.append(
                FakeArchive.candidate(number, FakeLoss(name: "c\(number)", value: 6), mean: 6 + Double(number) / 10))
        }
        #expect(model.requests.last?.request.messages.count ?? 9 <= 4)
    }
}
