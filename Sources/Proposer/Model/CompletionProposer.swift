public import LabCore

/// Proposes by completion: versions of one function in ascending order of score, and the header of the next.
///
/// Made for code and base models: nothing has to be followed but the text. What is no loss, or a copy of one, is sampled
/// again; what fails for a reason is shown once more with that reason, as the version before its correction.
public struct CompletionProposer: LossProposer {
    /// Where a completion has left the function: the next statement at the margin.
    static let stops = ["\ndef ", "\nclass ", "\n#", "\nif ", "\nprint", "\nimport", "\nfrom", "\n@", "\n```"]

    private let parts: ProposerParts

    public init(_ parts: ProposerParts) { self.parts = parts }

    public func propose(_ request: ProposalRequest) async throws -> LossProposal {
        var run = ProgramRun(parts, request, strategy: "completion")
        let versions = ShownVersions(for: request, count: parts.config.evidence)
        run.saw(hypothesis: nil, shown: versions.names)
        var draft = try await write(versions, &run)
        var copies = 0
        for _ in 0..<parts.config.repairs where !draft.isSound {
            if draft.isBeyondRepair {
                copies += draft.isCopy ? 1 : 0
                draft = try await write(versions, warmer: Double(copies) * Self.warmerAfterCopy, &run)
            } else {
                draft = try await repaired(draft, versions, &run)
            }
        }
        return run.proposal(draft, parents: versions.losses.map(\.candidate.id))
    }

    /// The keys of the prompt.
    static func state(_ versions: ShownVersions) -> [String: String] {
        ["versions": versions.functions.joined(separator: "\n\n\n"), "next": versions.next]
    }

    /// What copies once copies again: each copy makes the next sample this much warmer.
    private static let warmerAfterCopy = 0.2

    private func write(
        _ versions: ShownVersions, warmer: Double = 0, _ run: inout ProgramRun
    ) async throws -> LossDraft {
        let prompt = try parts.prompts.text(of: .complete, Self.state(versions))
        return try await run.draft(
            .completion(prompt, stop: Self.stops), .complete, shown: versions.functions, header: versions.next,
            warmer: warmer)
    }

    /// The keys of the repairing prompt.
    static func state(repairing draft: LossDraft) -> [String: String] {
        repairState(code: draft.code, problem: draft.problems.first ?? "It cannot be used.")
    }

    /// - Parameter problem: what is wrong; it stands in a comment of one line.
    static func repairState(code: String, problem: String) -> [String: String] {
        [
            "code": code.replacing("def loss(", with: "def loss_v0("),
            "problem": String(problem.replacing("\n", with: " ").prefix(300)),
            "next": "def loss_v1(\(ShortLoss.parameters)):\n    \"\"\"Corrected version of loss_v0.\"\"\"",
        ]
    }

    private func repaired(
        _ draft: LossDraft, _ versions: ShownVersions, _ run: inout ProgramRun
    ) async throws -> LossDraft {
        let state = Self.state(repairing: draft)
        let prompt = try parts.prompts.text(of: .completeRepair, state)
        return try await run.draft(
            .completion(prompt, stop: Self.stops), .completeRepair, shown: versions.functions + [draft.code],
            header: state["next"] ?? "")
    }
}
