import ChatClient
public import LabCore

/// Proposes by a program of small steps, each a pure function of the state it is handed: analyse, select evidence,
/// write, check, critique, repair.
///
/// The state lives here, not in a conversation: the repairing step sees the code and what is wrong with it, never the
/// archive; the analysing step sees scores, never the contract. Only answers count: a call that was answered is not made
/// again after a crash.
public struct ProgramProposer: LossProposer {
    private let parts: ProposerParts

    public init(_ parts: ProposerParts) { self.parts = parts }

    public func propose(_ request: ProposalRequest) async throws -> LossProposal {
        var run = ProgramRun(parts, request, strategy: "program")
        let hypothesis =
            parts.config.analyse ? try await analyse(&run) : Self.plainHypothesis(for: request)
        let first = try await firstDraft(&run, hypothesis: hypothesis)
        var draft = first.draft
        let evidence = first.evidence
        run.saw(hypothesis: hypothesis, shown: evidence.names)
        for _ in 0..<min(parts.config.repairs, ProgramStep.repair.calls) where !draft.isSound {
            draft = try await revised(draft, findings: draft.problems, &run, evidence)
        }
        if parts.config.critique, draft.isSound {
            draft = try await criticised(draft, &run, hypothesis: hypothesis, evidence)
        }
        return run.proposal(draft, parents: request.parents.map(\.id))
    }

    /// The state that the analysing step reads.
    public static func analysisState(for request: ProposalRequest, task: String) -> [String: String] {
        let text = EvidenceText(request.snapshot)
        return [
            "task": task, "scores": text.scores, "failures": text.failures, "start": text.start(from: request.parents),
        ]
    }

    /// Losses shown with their code.
    public struct Evidence: Sendable {
        public let names: [String]
        /// The functions, the best last.
        public let functions: [String]
        /// As the prompt shows them.
        public var text: String {
            functions.isEmpty
                ? "No loss has been scored yet." : "```python\n\(functions.joined(separator: "\n\n"))\n```"
        }
    }

    /// Earlier losses chosen for a hypothesis.
    public static func evidence(for request: ProposalRequest, hypothesis: String, count: Int) -> Evidence {
        let chosen = EvidenceSelection(request.snapshot).losses(
            for: hypothesis, parents: request.parents.map(\.id), count: count)
        let losses = chosen.compactMap { candidate in
            candidate.source.flatMap { ShortLoss($0.text) }.map { (candidate, $0) }
        }.sorted { ($0.0.tuned?.score.mean ?? 0) < ($1.0.tuned?.score.mean ?? 0) }
        let functions = losses.map { candidate, short in
            short.function(
                named: EvidenceText.name(of: candidate).replacing("-", with: "_"),
                note: candidate.tuned.map { "Score \(EvidenceText.short($0.score))." })
        }
        return Evidence(names: losses.map { EvidenceText.name(of: $0.0) }, functions: functions)
    }

    private func analyse(_ run: inout ProgramRun) async throws -> String {
        let state = Self.analysisState(for: run.request, task: parts.task)
        let analysis = try await run.ask(.analyse, state) { (reply, prompt) throws(ReplyProblem) in
            let analysis = try Analysis.parse(reply)
            // A small model sends the form back as it was.
            guard !prompt.contains(analysis.hypothesis) else {
                throw ReplyProblem(.echoed, "the hypothesis repeats the words of the prompt; state one of your own")
            }
            return analysis
        }
        switch analysis {
        case .success(let found): return found.hypothesis
        case .failure: return Self.plainHypothesis(for: run.request)
        }
    }

    /// What is tried when the analysing step gives nothing usable.
    public static func plainHypothesis(for request: ProposalRequest) -> String {
        let names = request.parents.map { EvidenceText.name(of: $0) }
        guard !names.isEmpty else { return "A loss of a shape that none of the known ones has may score higher." }
        return
            "A change in the shape of \(names.joined(separator: " or ")), away from where its gradient is strong now, "
            + "may score higher."
    }

    /// The first draft and what was shown for it: half as many losses each time the server finds the prompt too long.
    private func firstDraft(
        _ run: inout ProgramRun, hypothesis: String
    ) async throws -> (draft: LossDraft, evidence: Evidence) {
        var count = parts.config.evidence
        while true {
            let evidence = Self.evidence(for: run.request, hypothesis: hypothesis, count: count)
            do {
                return (try await write(&run, hypothesis: hypothesis, evidence), evidence)
            } catch let error as ChatError where error.kind == .contextOverflow && count > 1 {
                count /= 2
            }
        }
    }

    /// A draft; where the reply holds no loss of its own, once more with what was wrong.
    private func write(
        _ run: inout ProgramRun, hypothesis: String, _ evidence: Evidence
    ) async throws -> LossDraft {
        let state = ["contract": Contract.text, "hypothesis": hypothesis, "evidence": evidence.text]
        let messages = try parts.prompts.messages(of: .write, state)
        let draft = try await run.draft(.messages(messages), .write, shown: evidence.functions)
        guard draft.screening?.source == nil, ProgramStep.write.calls > 1 else { return draft }
        let again = try parts.prompts.messages(
            of: .retry, ["problem": draft.problems.joined(separator: " ")])
        let answer = ChatMessage(.assistant, draft.text.isEmpty ? "(no answer)" : draft.text)
        return try await run.draft(.messages(messages + [answer] + again), .write, shown: evidence.functions)
    }

    /// One repair. A reply without a loss in it leaves the draft as it was.
    private func revised(
        _ draft: LossDraft, findings: [String], _ run: inout ProgramRun, _ evidence: Evidence
    ) async throws -> LossDraft {
        let state = ["contract": Contract.text, "code": draft.code, "findings": findings.joined(separator: "\n")]
        let messages = try parts.prompts.messages(of: .repair, state)
        let revised = try await run.draft(.messages(messages), .repair, shown: evidence.functions + [draft.code])
        return revised.screening?.source == nil ? draft : revised
    }

    /// One look at a sound draft; a revision that is not sound is dropped.
    private func criticised(
        _ draft: LossDraft, _ run: inout ProgramRun, hypothesis: String, _ evidence: Evidence
    ) async throws -> LossDraft {
        let state = ["hypothesis": hypothesis, "code": draft.code, "shape": draft.shapeInWords]
        let critique = try await run.ask(.critique, state) { (reply, _) throws(ReplyProblem) in
            try Critique.parse(reply)
        }
        guard case .success(let found) = critique, !found.edits.isEmpty else { return draft }
        let findings = ["A reviewer asks for these changes:"] + found.edits.map { "- \($0)" }
        let revised = try await revised(draft, findings: findings, &run, evidence)
        return revised.isSound ? revised : draft
    }
}
