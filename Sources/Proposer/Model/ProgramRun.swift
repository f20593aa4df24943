import ChatClient
import LabCore

/// One candidate's way through the program: the state, and what was spent on it.
struct ProgramRun {
    let parts: ProposerParts
    let request: ProposalRequest
    private(set) var trace: ProposalTrace
    /// The last reply as it came.
    private(set) var lastReply = ""
    /// Whether the token limit ended it.
    private var lastContext: ReplyContext?
    private var callsByStep: [String: Int] = [:]

    init(_ parts: ProposerParts, _ request: ProposalRequest, strategy: String) {
        self.parts = parts
        self.request = request
        trace = ProposalTrace(strategy: strategy)
    }

    /// Asks until a reply can be used or the step's calls are spent; a further try says what was wrong with the last.
    mutating func ask<Value>(
        _ step: ProgramStep, _ state: [String: String], calls: Int? = nil,
        read: (ChatReply, [ChatMessage]) async throws -> Value
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
                return .success(try await read(reply, messages))
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
                temperature: min(step.temperature, parts.config.temperature), wantsJSON: step.wantsJSON,
                seed: request.seed &+ UInt64(number)))
        lastReply = reply.text
        lastContext = ReplyContext(isCutOff: reply.choices.first?.finish == .length)
        trace.calls += 1
        trace.promptTokens += reply.usage.promptTokens
        trace.completionTokens += reply.usage.completionTokens
        if let cost = reply.cost { trace.cost = (trace.cost ?? 0) + cost }
        return reply
    }

    /// The losses of the snapshot whose code a prompt showed.
    func code(of names: [String]) -> [String] {
        request.snapshot.candidates.filter { names.contains(EvidenceText.name(of: $0)) }.map {
            $0.source?.text ?? $0.proposal.text
        }
    }

    /// Notes what was found in a draft.
    mutating func note(_ result: DraftCheck.Result, by step: ProgramStep) {
        trace.attempts.append(.init(step: step.name, findings: result.findings))
    }

    mutating func note(_ problem: ReplyProblem, by step: ProgramStep) {
        let finding = ProposalTrace.Finding(code: problem.kind.rawValue, message: problem.message, line: nil)
        trace.attempts.append(.init(step: step.name, findings: [finding]))
    }

    mutating func saw(hypothesis: String, shown: [String]) {
        trace.hypothesis = hypothesis
        trace.shown = shown
    }

    /// The proposal: the loss in file form where one was found, otherwise the reply, which screening rejects once more.
    func proposal(_ draft: DraftCheck.Result?, parents: [CandidateID]) -> LossProposal {
        let isEcho = draft?.findings.first?.code == ReplyProblem.Kind.echoed.rawValue
        let source = isEcho ? nil : draft?.screening.source
        return LossProposal(
            name: draft?.screening.name ?? "model-\(request.number)", text: source ?? draft?.reply ?? lastReply,
            parents: parents, operation: trace.attempts.last?.step ?? "write", genome: trace.text,
            note: draft?.screening.thought.map { String($0.prefix(600)) },
            reply: source == nil ? draft?.context ?? lastContext : nil)
    }
}
