public import ChatClient
import Foundation
public import LabCore

/// One step of the program by itself: its prompt from a state, and its reply as the program would read it.
public struct StepAlone: Sendable {
    public let step: ProgramStep

    /// The step of that name; `nil` for one that there is not.
    public init?(named name: String) {
        guard let step = ProgramStep.alone.first(where: { $0.name == name }) else { return nil }
        self.step = step
    }

    /// What the step reads, taken from a campaign's losses as the proposal of the next candidate would.
    ///
    /// - Parameters:
    ///   - candidate: the loss that `critique` and `repair` look at.
    ///   - evidence: earlier losses shown with their code.
    public func state(
        from snapshot: ArchiveSnapshot, candidate: Candidate?, hypothesis: String?, evidence: Int, task: String
    ) -> [String: String] {
        let parents = Array(
            snapshot.scored.sorted { ($0.fitness ?? -.infinity, $1.id) > ($1.fitness ?? -.infinity, $0.id) }.prefix(2))
        let request = ProposalRequest(arm: .evolution, parents: parents, snapshot: snapshot, seed: 0, number: 0)
        let idea = hypothesis ?? ProgramProposer.plainHypothesis(for: request)
        var state = ["contract": Contract.text, "hypothesis": idea]
        state.merge(ProgramProposer.analysisState(for: request, task: task)) { $1 }
        state.merge(DiscoPOPProposer.openingState(snapshot)) { $1 }
        state["evidence"] = ProgramProposer.evidence(for: request, hypothesis: idea, count: evidence).text
        let versions = ShownVersions(for: request, count: evidence)
        state.merge(CompletionProposer.state(versions)) { $1 }
        if let candidate {
            let source = candidate.source?.text ?? candidate.proposal.text
            state["code"] = ShortLoss(source)?.function(named: "loss", note: nil) ?? source.trimmed
            state["shape"] = candidate.shape?.words.joined(separator: " ") ?? "Nothing was measured."
            state["findings"] = Self.findings(of: candidate)
        }
        return state.filter { step.reads.contains($0.key) }
    }

    private static func findings(of candidate: Candidate) -> String {
        switch candidate.status {
        case .rejected(let rejection): rejection.message
        case .duplicate(let earlier): "It computes the same as \(earlier)."
        case .scored, .failed: "Nothing."
        }
    }

    /// The request that the program would send.
    public func request(
        _ state: [String: String], prompts: PromptLibrary, config: ProposingModelConfig
    ) throws -> ChatRequest {
        let question: ModelCaller.Question =
            step.answer == .completion
            ? .completion(try prompts.text(of: step, state), stop: CompletionProposer.stops)
            : .messages(try prompts.messages(of: step, state))
        return ModelCaller.request(question, step, config)
    }

    /// Whether a reply of this step is a loss, which screening reads.
    public var writesLoss: Bool { step.name != "analyse" && step.name != "critique" }

    /// A reply as screening is handed it.
    ///
    /// - Parameter state: what the prompt was made of.
    public func draft(of reply: ChatReply, _ state: [String: String]) -> String {
        guard step.answer == .completion, let header = state["next"] else { return reply.text }
        return "\(ShortLoss.imports)\n\n\n\(header)\n\(reply.text)"
    }

    /// The reply of a step that writes no loss as the program reads it: lines of `key: value`, or why it cannot be used.
    public func reading(of reply: ChatReply) -> Result<[(key: String, value: String)], ReplyProblem> {
        Result { () throws(ReplyProblem) in
            if step.name == "analyse" {
                let analysis = try Analysis.parse(reply.text)
                return [("lesson", analysis.lesson), ("gap", analysis.gap), ("hypothesis", analysis.hypothesis)]
            }
            let edits = try Critique.parse(reply.text).edits
            return edits.isEmpty ? [("edits", "none")] : edits.map { ("edit", $0) }
        }
    }
}
