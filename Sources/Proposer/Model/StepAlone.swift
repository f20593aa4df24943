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
        if let candidate {
            state["code"] = (candidate.source?.text ?? candidate.proposal.text).trimmed
            state["shape"] = candidate.shape?.words.joined(separator: " ") ?? "Nothing was measured."
            state["findings"] = Self.findings(of: candidate)
        }
        return state.filter { step.reads.contains($0.key) }
    }

    private static func findings(of candidate: Candidate) -> String {
        switch candidate.status {
        case .rejected(let rejection): "- \(rejection.code): \(rejection.message)"
        case .duplicate(let earlier): "- duplicate: it computes the same as \(earlier)"
        case .scored, .failed: "- nothing"
        }
    }

    /// The request that the program would send.
    public func request(
        _ state: [String: String], prompts: PromptLibrary, config: ProposingModelConfig
    ) throws -> ChatRequest {
        ChatRequest(
            model: config.model, messages: try prompts.messages(of: step, state),
            temperature: min(step.temperature, config.temperature), maxTokens: config.maxTokens,
            format: step.wantsJSON ? .json : .text, reasoningEffort: config.reasoningEffort)
    }

    /// The reply as the program reads it: lines of `key: value`, or why it cannot be used.
    public func reading(
        of reply: ChatReply, to request: ChatRequest, screener: any LossScreener
    ) async throws -> Result<[(key: String, value: String)], ReplyProblem> {
        do {
            switch step.name {
            case "analyse":
                let analysis = try Analysis.parse(reply.text)
                return .success([
                    ("lesson", analysis.lesson), ("gap", analysis.gap), ("hypothesis", analysis.hypothesis),
                ])
            case "critique":
                let edits = try Critique.parse(reply.text).edits
                return .success(edits.isEmpty ? [("edits", "none")] : edits.map { ("edit", $0) })
            default:
                let result = try await DraftCheck(screener: screener, tolerance: 0).check(
                    reply, to: request.messages, shown: [], against: ArchiveSnapshot(candidates: []))
                if let problem = result.problem { throw problem }
                let screening = result.screening
                return .success([
                    ("name", screening.name ?? "none"), ("thought", screening.thought ?? "none"),
                    ("findings", result.isSound ? "none" : result.text), ("code", result.code),
                ])
            }
        } catch let problem as ReplyProblem {
            return .failure(problem)
        }
    }
}
