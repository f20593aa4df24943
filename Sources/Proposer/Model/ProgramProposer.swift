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
        let hypothesis = try await analyse(&run)
        let evidence = Self.evidence(for: request, hypothesis: hypothesis, count: parts.config.evidence)
        run.saw(hypothesis: hypothesis, shown: evidence.names)
        guard var draft = try await write(&run, hypothesis: hypothesis, evidence: evidence) else {
            return run.proposal(nil, parents: request.parents.map(\.id))
        }
        try await repair(&draft, &run)
        if parts.config.critique, draft.isSound { try await criticise(&draft, &run, hypothesis: hypothesis) }
        return run.proposal(draft, parents: request.parents.map(\.id))
    }

    /// The state that the analysing step reads.
    public static func analysisState(for request: ProposalRequest, task: String) -> [String: String] {
        let text = EvidenceText(request.snapshot)
        return [
            "task": task, "scores": text.scores, "failures": text.failures, "start": text.start(from: request.parents),
        ]
    }

    /// Earlier losses chosen for a hypothesis, and their text.
    public static func evidence(
        for request: ProposalRequest, hypothesis: String, count: Int
    ) -> (names: [String], text: String) {
        let chosen = EvidenceSelection(request.snapshot).losses(
            for: hypothesis, parents: request.parents.map(\.id), count: count)
        let text = EvidenceText(request.snapshot)
        let blocks = chosen.map { text.entry($0) }.joined(separator: "\n\n")
        return (chosen.map { EvidenceText.name(of: $0) }, blocks.isEmpty ? "No loss has been scored yet." : blocks)
    }

    private func analyse(_ run: inout ProgramRun) async throws -> String {
        let state = Self.analysisState(for: run.request, task: parts.task)
        let analysis = try await run.ask(.analyse, state) { reply, _ in
            try Analysis.parse(reply.text)
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

    private func write(
        _ run: inout ProgramRun, hypothesis: String, evidence: (names: [String], text: String)
    ) async throws -> DraftCheck.Result? {
        let state = ["contract": Contract.text, "hypothesis": hypothesis, "evidence": evidence.text]
        return try await draft(.write, state, shown: run.code(of: evidence.names), &run)
    }

    /// Asks for a loss; `nil`, and a note of why, when no reply held one that could be checked.
    private func draft(
        _ step: ProgramStep, _ state: [String: String], calls: Int? = nil, shown: [String],
        notedAs noted: ProgramStep? = nil,
        _ run: inout ProgramRun
    ) async throws -> DraftCheck.Result? {
        let (check, snapshot) = (parts.check, run.request.snapshot)
        let written = try await run.ask(step, state, calls: calls) { reply, messages in
            let result = try await check.check(reply, to: messages, shown: shown, against: snapshot)
            if let problem = result.problem { throw problem }
            return result
        }
        switch written {
        case .success(let result):
            run.note(result, by: noted ?? step)
            return result
        case .failure(let problem):
            run.note(problem, by: step)
            return nil
        }
    }

    /// Repairs until the check finds nothing or the repairs are spent; a reply without code leaves the draft as it is.
    private func repair(_ draft: inout DraftCheck.Result, _ run: inout ProgramRun) async throws {
        for _ in 0..<min(parts.config.repairs, ProgramStep.repair.calls) where !draft.isSound {
            let state = ["contract": Contract.text, "code": draft.code, "findings": draft.text]
            if let revised = try await self.draft(.repair, state, calls: 1, shown: [], &run) { draft = revised }
        }
    }

    /// One look at a sound draft; a revision that is not sound is dropped.
    private func criticise(
        _ draft: inout DraftCheck.Result, _ run: inout ProgramRun, hypothesis: String
    ) async throws {
        let state = ["hypothesis": hypothesis, "code": draft.code, "shape": draft.shapeInWords]
        let critique = try await run.ask(.critique, state) { reply, _ in try Critique.parse(reply.text) }
        guard case .success(let found) = critique, !found.edits.isEmpty else { return }
        let findings = found.edits.map { "- \($0)" }.joined(separator: "\n")
        let asked = ["contract": Contract.text, "code": draft.code, "findings": findings]
        guard
            let revised = try await self.draft(.repair, asked, calls: 1, shown: [], notedAs: .critique, &run),
            revised.isSound
        else { return }
        draft = revised
    }
}
