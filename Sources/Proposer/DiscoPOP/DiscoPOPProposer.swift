public import LabCore
import ChatClient

/// The loop of the DiscoPOP paper (arXiv 2406.08414, section 3 and appendix A): one conversation that grows with every
/// loss. It opens with four known losses and their fitness; each answer is a JSON object of thought, name and code; what
/// came of it, fitness or error, is the next message. Invalid code is answered with its error and sampled again.
///
/// It has one loss at a time: campaigns of this strategy have generations of one slot. Each candidate's part of the
/// conversation is a stored step, so a resumed campaign has the same conversation. Differences from the paper: fitness
/// comes with its standard error, the history is kept within the model's context by dropping its oldest turns, never the
/// best, and candidates that failed by our fault leave no trace in it.
public struct DiscoPOPProposer: LossProposer {
    /// The losses that the conversation begins with.
    public static let burnIn = ["dpo", "slic", "ipo", "kto_pair"]

    private let parts: ProposerParts

    public init(_ parts: ProposerParts) { self.parts = parts }

    public func propose(_ request: ProposalRequest) async throws -> LossProposal {
        var run = ProgramRun(parts, request, strategy: "discopop")
        let opening = try parts.prompts.messages(of: .discopop, Self.openingState(request.snapshot))
        var history = try await history(before: request)
        run.saw(hypothesis: "", shown: Self.burnInLosses(request.snapshot).map { EvidenceText.name(of: $0) })
        var own = DiscoPOPTurn(candidate: request.number, messages: [], isValid: false)
        var draft: LossDraft?
        let shown = Self.burnInLosses(request.snapshot).compactMap { $0.source?.text }
        for sample in 0...parts.config.repairs {
            let written = try await ask(opening, &history, own, shown, &run)
            own.messages.append(ChatMessage(.assistant, written.text.isEmpty ? "(no answer)" : written.text))
            draft = written
            if written.isSound {
                own.isValid = true
                break
            }
            let problems = written.problems.map { "- \($0)" }.joined(separator: "\n")
            let problem =
                (written.screening?.source == nil ? "Answer not usable." : "Code not valid.") + "\n\(problems)"
            own.problem = problem
            // The last sample's error is the feedback that opens the next candidate's turn.
            guard sample < parts.config.repairs else { break }
            own.messages += try parts.prompts.messages(of: .discopopRefused, ["problem": problem])
        }
        try await store(own)
        return run.proposal(draft, parents: [])
    }

    /// The keys of the opening prompt.
    public static func openingState(_ snapshot: ArchiveSnapshot) -> [String: String] {
        let losses = burnInLosses(snapshot)
        let entries = losses.map { loss in
            let name = EvidenceText.name(of: loss)
            let code = EvidenceText.withoutHeader(loss.source?.text ?? loss.proposal.text)
            return "name: \(name)\ncode:\n\(code)\nfitness: \(fitness(loss) ?? "none, it could not be trained")"
        }
        let dpo = losses.first { EvidenceText.name(of: $0) == "dpo" }
        let example = dpo.map { EvidenceText.withoutHeader($0.source?.text ?? "") } ?? ""
        return [
            "contract": Contract.text, "example": jsonString(example.isEmpty ? "import torch ..." : example),
            "archive": entries.isEmpty ? "none" : entries.joined(separator: "\n\n"),
        ]
    }

    private static func burnInLosses(_ snapshot: ArchiveSnapshot) -> [Candidate] {
        burnIn.compactMap { name in
            snapshot.candidates.first { $0.arm == .catalogue && EvidenceText.name(of: $0) == name }
        }
    }

    static func fitness(_ candidate: Candidate) -> String? {
        candidate.tuned.map { EvidenceText.withError($0.score) }
    }

    /// A JSON string literal on one line.
    private static func jsonString(_ text: String) -> String {
        let escaped = text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
        return "\"\(escaped)\""
    }

    /// One call; where the server finds the conversation too long, half as much history is tried.
    private func ask(
        _ opening: [ChatMessage], _ history: inout DiscoPOPHistory, _ own: DiscoPOPTurn, _ shown: [String],
        _ run: inout ProgramRun
    ) async throws -> LossDraft {
        var room = parts.config.contextTokens - parts.config.maxTokens
        while true {
            let messages = opening + history.messages(within: room, besides: opening + own.messages) + own.messages
            do {
                return try await run.draft(.messages(messages), .discopop, shown: shown, turns: false)
            } catch let error as ChatError where error.kind == .contextOverflow && room > 1_024 && !history.isEmpty {
                room /= 2
            }
        }
    }

    // MARK: The conversation as stored steps

    /// The turns of all earlier candidates, each with what came of it.
    private func history(before request: ProposalRequest) async throws -> DiscoPOPHistory {
        var history = DiscoPOPHistory()
        for number in 1..<max(1, request.number) {
            guard var turn: DiscoPOPTurn = try await parts.caller.stored("discopop/turn/\(number)") else { continue }
            if turn.feedback == nil {
                guard let outcome = outcome(of: turn, in: request.snapshot) else { continue }
                turn.feedback = try feedback(outcome)
                turn.fitness = outcome.fitness
                // Fixed once and for all, since a snapshot forgets old candidates.
                try await store(turn)
            }
            history.append(turn)
        }
        return history
    }

    private enum Outcome {
        case scored(Double, String)
        case refused(String)

        var fitness: Double? {
            if case .scored(let value, _) = self { return value }
            return nil
        }
    }

    /// What came of a candidate; `nil` for one that failed by our fault, which the model never hears of.
    private func outcome(of turn: DiscoPOPTurn, in snapshot: ArchiveSnapshot) -> Outcome? {
        guard let candidate = snapshot.candidate(CandidateID(turn.candidate)) else {
            // Refused in the same generation, which the snapshot does not show yet.
            return .refused(turn.problem ?? "It computes the same as an earlier loss.")
        }
        switch candidate.status {
        case .failed: return nil
        case .duplicate(let earlier): return .refused("It computes the same as \(earlier).")
        case .rejected(let rejection):
            let stage = turn.isValid ? "Training failed." : "Code not valid."
            return .refused("\(stage)\n- \(rejection.code): \(rejection.message)\(EvidenceText.leftOut(candidate))")
        case .scored:
            guard let tuned = candidate.tuned, let text = Self.fitness(candidate) else { return nil }
            return .scored(tuned.score.mean, text + EvidenceText.leftOut(candidate))
        }
    }

    private func feedback(_ outcome: Outcome) throws -> [ChatMessage] {
        switch outcome {
        case .scored(_, let text): try parts.prompts.messages(of: .discopopScored, ["fitness": text])
        case .refused(let problem): try parts.prompts.messages(of: .discopopRefused, ["problem": problem])
        }
    }

    private func store(_ turn: DiscoPOPTurn) async throws {
        try await parts.caller.store(turn, as: "discopop/turn/\(turn.candidate)")
    }
}
