import ChatClient
import Foundation
import LabCore
import LabTesting
import Synchronization

@testable import Proposer

/// A model that answers by a function of the request, and remembers what it was asked.
final class ScriptedModel: ChatService {
    typealias Answer = @Sendable (ChatRequest, ChatPurpose, Int) throws -> String

    private let answer: Answer
    private let log = Mutex<[(step: String, request: ChatRequest)]>([])

    /// - Parameter answer: gets the request, who asks, and how many requests came before.
    init(_ answer: @escaping Answer) { self.answer = answer }

    var requests: [(step: String, request: ChatRequest)] { log.withLock { $0 } }
    var steps: [String] { requests.map(\.step) }

    func text(_ number: Int) -> String { requests[number].request.messages.map(\.content).joined(separator: "\n") }

    func complete(_ request: ChatRequest, for purpose: ChatPurpose) async throws -> ChatReply {
        let number = log.withLock { log in
            log.append((purpose.step, request))
            return log.count - 1
        }
        let text = try answer(request, purpose, number)
        return ChatReply(
            choices: [.init(text: text, finish: text.hasSuffix("…") ? .length : .stop)], model: request.model,
            usage: ChatUsage(promptTokens: 100, completionTokens: 10), cost: 0.001)
    }
}

/// Keeps calls in memory.
final class MemoryLog: ConversationLog {
    private let kept = Mutex<[Exchange]>([])

    var exchanges: [Exchange] { kept.withLock { $0 } }

    func append(_ exchange: Exchange) {
        kept.withLock { kept in
            if let identity = exchange.identity,
                kept.contains(where: { $0.candidate == exchange.candidate && $0.identity == identity })
            {
                return
            }
            kept.append(exchange)
        }
    }
}

enum Replies {
    static let analysis = #"{"lesson": "THE-LESSON", "gap": "none", "hypothesis": "THE-HYPOTHESIS"}"#

    /// As a `FakeScreener` reads it.
    static func loss(_ loss: FakeLoss) -> String { "a thought" + loss.text }
}

extension ProposerParts {
    static func test(
        _ model: ScriptedModel, _ config: ProposingModelConfig = .init(model: "m"),
        store: any StepStore = InMemoryStepStore(), log: MemoryLog = MemoryLog(),
        screener: FakeScreener = FakeScreener()
    ) throws -> ProposerParts {
        ProposerParts(
            caller: ModelCaller(service: model, config: config, campaign: "test", store: store, log: log),
            prompts: try PromptLibrary(), screener: screener, tolerance: 1e-3, task: "THE-TASK")
    }
}

/// An archive of catalogue losses and candidates, with the fingerprints that a `FakeScreener` gives.
enum FakeArchive {
    static func candidate(
        _ number: Int, _ loss: FakeLoss, mean: Double?, status: CandidateStatus? = nil, parents: [Int] = []
    ) -> Candidate {
        let base = Example.candidate(number, loss.name, mean: mean, parents: parents, status: status)
        var generator = SeededGenerator(seed: stableHash(loss.shape))
        let fingerprint = Fingerprint(hash: loss.shape, values: (0..<16).map { _ in generator.normal() })
        return Candidate(
            id: base.id, arm: base.arm, generation: 1, proposal: base.proposal,
            source: LossSource(
                name: loss.name, text: loss.text, origin: number < 0 ? .baseline : .discovered, beta: 0.05),
            fingerprint: fingerprint, shape: nil, status: base.status, tuned: base.tuned)
    }

    static let burnIn = [
        candidate(-1, FakeLoss(name: "dpo", value: 6), mean: 6),
        candidate(-2, FakeLoss(name: "slic", value: 6.2), mean: 6.2),
        candidate(-3, FakeLoss(name: "ipo", value: 5.9), mean: 5.9),
        candidate(-4, FakeLoss(name: "kto_pair", value: 6.5), mean: 6.5),
    ]

    static func request(_ number: Int, _ candidates: [Candidate] = burnIn, seed: UInt64 = 7) -> ProposalRequest {
        let snapshot = ArchiveSnapshot(candidates: candidates)
        return ProposalRequest(
            arm: .evolution, parents: snapshot.candidates.filter { $0.id.number == -4 }, snapshot: snapshot, seed: seed,
            number: number)
    }
}
