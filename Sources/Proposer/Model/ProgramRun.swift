import ChatClient
import LabCore

/// One candidate's way through the program: the state, and what was spent on it.
struct ProgramRun {
    let parts: ProposerParts
    let request: ProposalRequest
    private(set) var trace: ProposalTrace
    private var callsByStep: [String: Int] = [:]

    init(_ parts: ProposerParts, _ request: ProposalRequest, strategy: String) {
        self.parts = parts
        self.request = request
        trace = ProposalTrace(strategy: strategy)
    }

    /// Asks until a reply can be read or the step's calls are spent; a further try says what was wrong with the last.
    mutating func ask<Value>(
        _ step: ProgramStep, _ state: [String: String],
        parse: (_ reply: String, _ prompt: String) throws(ReplyProblem) -> Value
    ) async throws -> Result<Value, ReplyProblem> {
        var messages = try parts.prompts.messages(of: step, state)
        var problem = ReplyProblem(.empty, "nothing was asked")
        var last = ""
        for attempt in 0..<step.calls {
            if attempt > 0 {
                messages.append(ChatMessage(.assistant, last.isEmpty ? "(no answer)" : last))
                messages += try parts.prompts.messages(of: .retry, ["problem": problem.message])
            }
            let reply = try await reply(to: .messages(messages), step)
            last = reply.text
            do {
                if reply.choices.first?.finish == .refusal {
                    throw ReplyProblem(.refused, "the model refused to answer")
                }
                return .success(try parse(reply.text, messages.prefix(2).map(\.content).joined(separator: "\n")))
            } catch let found as ReplyProblem {
                problem = found
            }
        }
        return .failure(problem)
    }

    /// One draft: a call and what the check finds in its reply.
    ///
    /// - Parameters:
    ///   - shown: code of the losses in the prompt, so that a copy of one is known as such.
    ///   - header: what a completion goes on from; it begins the draft's text.
    ///   - warmer: added to the temperature, after a copy.
    ///   - turns: whether a loss that only pulls the wrong way is replaced by the same with its sign turned. A small model
    ///     often returns what is to be maximised.
    mutating func draft(
        _ question: ModelCaller.Question, _ step: ProgramStep, shown: [String], header: String? = nil,
        warmer: Double = 0, turns: Bool = true
    ) async throws -> LossDraft {
        let reply = try await reply(to: question, step, warmer: warmer)
        let choice = reply.choices.first
        let context = ReplyContext(isCutOff: choice?.finish == .length, shown: shown, prompt: question.text)
        let text = header.map { "\(ShortLoss.imports)\n\n\n\($0)\n\(reply.text)" } ?? reply.text
        let draft =
            choice?.finish == .refusal
            ? LossDraft(
                text: text, reply: context, screening: nil,
                findings: [.init(code: "refused", message: "The model refused to answer.", line: nil)])
            : try await parts.check.check(text, context, against: request.snapshot)
        trace.attempts.append(.init(step: step.name, findings: draft.findings, removed: draft.removed))
        guard turns, let turned = draft.screening?.turned else { return draft }
        let other = try await parts.check.check(turned, context, against: request.snapshot)
        trace.attempts.append(.init(step: Self.turning, findings: other.findings))
        return other
    }

    /// The step that turns a loss's sign, which asks no model.
    static let turning = "turn"

    /// One call, counted.
    mutating func reply(
        to question: ModelCaller.Question, _ step: ProgramStep, warmer: Double = 0
    ) async throws -> ChatReply {
        callsByStep[step.name, default: 0] += 1
        let number = callsByStep[step.name, default: 1]
        let reply = try await parts.caller.reply(
            to: .init(
                candidate: request.number, step: step, number: number, question: question, warmer: warmer,
                seed: request.seed &+ UInt64(number)))
        trace.calls += 1
        trace.promptTokens += reply.usage.promptTokens
        trace.cachedTokens += reply.usage.cachedTokens
        trace.completionTokens += reply.usage.completionTokens
        if let cost = reply.cost { trace.cost = (trace.cost ?? 0) + cost }
        return reply
    }

    mutating func saw(hypothesis: String?, shown: [String]) {
        trace.hypothesis = hypothesis
        trace.shown = shown
    }

    /// The proposal; a draft without a loss in it is rejected by screening with its reason.
    func proposal(_ draft: LossDraft?, parents: [CandidateID]) -> LossProposal {
        LossProposal(
            name: draft?.screening?.name ?? "model-\(request.number)", text: draft?.text ?? "", parents: parents,
            operation: trace.attempts.last?.step ?? "write", genome: trace.text,
            note: draft?.screening?.thought.map { String($0.prefix(600)) }, reply: draft?.reply)
    }
}
