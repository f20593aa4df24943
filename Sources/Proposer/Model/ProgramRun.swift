import ChatClient
import LabCore

/// One candidate's way through the program: the state, and what was spent on it.
struct ProgramRun {
    let parts: ProposerParts
    let request: ProposalRequest
    private(set) var trace: ProposalTrace
    /// The last reply as it came.
    private(set) var lastReply = ""
    private var callsByStep: [String: Int] = [:]

    init(_ parts: ProposerParts, _ request: ProposalRequest, strategy: String) {
        self.parts = parts
        self.request = request
        trace = ProposalTrace(strategy: strategy)
    }

    /// Asks until a reply can be used or the step's calls are spent; a further try says what was wrong with the last.
    mutating func ask<Value>(
        _ step: ProgramStep, _ state: [String: String], calls: Int? = nil,
        parse: (String, Bool) throws(ReplyProblem) -> Value
    ) async throws -> Result<Value, ReplyProblem> {
        var messages = try parts.prompts.messages(of: step, state)
        var problem = ReplyProblem(.empty, "nothing was asked")
        for attempt in 0..<(calls ?? step.calls) {
            if attempt > 0 {
                messages.append(ChatMessage(.assistant, lastReply.isEmpty ? "(no answer)" : lastReply))
                messages += try parts.prompts.messages(of: .retry, ["problem": problem.message])
            }
            let reply = try await reply(to: messages, step)
            do {
                if reply.choices.first?.finish == .refusal {
                    throw ReplyProblem(.refused, "the model refused to answer")
                }
                return .success(try parse(reply.text, reply.choices.first?.finish == .length))
            } catch let found as ReplyProblem {
                problem = found
            }
        }
        return .failure(problem)
    }

    /// One call, counted.
    mutating func reply(to messages: [ChatMessage], _ step: ProgramStep) async throws -> ChatReply {
        callsByStep[step.name, default: 0] += 1
        let number = callsByStep[step.name, default: 1]
        let reply = try await parts.caller.reply(
            to: .init(
                candidate: request.number, step: step.name, number: number, messages: messages,
                temperature: step.temperature(within: parts.config), wantsJSON: step.wantsJSON,
                seed: request.seed &+ UInt64(number)))
        lastReply = reply.text
        trace.calls += 1
        trace.promptTokens += reply.usage.promptTokens
        trace.completionTokens += reply.usage.completionTokens
        if let cost = reply.cost { trace.cost = (trace.cost ?? 0) + cost }
        return reply
    }

    /// Screens a draft and notes what was found.
    mutating func check(_ draft: LossDraft, by step: ProgramStep) async throws -> DraftCheck.Result {
        let result = try await parts.check.check(draft, name: name(of: draft), against: request.snapshot)
        trace.attempts.append(.init(step: step.name, findings: result.findings))
        return result
    }

    mutating func note(_ problem: ReplyProblem, by step: ProgramStep) {
        let finding = ProposalTrace.Finding(code: problem.kind.rawValue, message: problem.message, line: nil)
        trace.attempts.append(.init(step: step.name, findings: [finding]))
    }

    mutating func saw(hypothesis: String, shown: [String]) {
        trace.hypothesis = hypothesis
        trace.shown = shown
    }

    func name(of draft: LossDraft?) -> String {
        draft?.name.flatMap { LossDraft.slug($0) } ?? "model-\(request.number)"
    }

    /// The proposal; without a draft the last reply itself, which screening then rejects with its reason.
    func proposal(_ draft: LossDraft?, parents: [CandidateID]) -> LossProposal {
        LossProposal(
            name: name(of: draft), text: draft?.code ?? lastReply, parents: parents,
            operation: trace.attempts.last?.step ?? "write", genome: trace.text,
            note: draft?.thought.map { String($0.prefix(600)) })
    }
}
