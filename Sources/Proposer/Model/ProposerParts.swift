public import LabCore

/// What the proposers that ask a model are made of.
public struct ProposerParts: Sendable {
    let caller: ModelCaller
    let prompts: PromptLibrary
    let check: DraftCheck
    let task: String

    /// - Parameters:
    ///   - tolerance: fingerprint distance up to which two losses count as one, the campaign's own.
    ///   - task: what the losses are for, in a sentence or two.
    public init(
        caller: ModelCaller, prompts: PromptLibrary, screener: any LossScreener, tolerance: Double, task: String
    ) {
        self.caller = caller
        self.prompts = prompts
        check = DraftCheck(screener: screener, tolerance: tolerance)
        self.task = task
    }

    var config: ProposingModelConfig { caller.config }

    /// The proposer of a strategy that asks a model, in the form that its configuration names.
    public func proposer(strategy: String) -> any LossProposer {
        if strategy == "discopop" { return DiscoPOPProposer(self) }
        return config.form == .completion ? CompletionProposer(self) : ProgramProposer(self)
    }
}

/// Sends the searching arm to a model and the control arms to the grammar, which costs nothing.
///
/// So the control arms of a model's campaign ask whether the model found more than random losses and one-step changes of
/// the same number; they cost no calls and see no scores. Nor is the model shown what they found: in the first campaign
/// that did, its best losses were edits of a loss that the grammar had drawn at random.
public struct ArmRouter: LossProposer {
    private let searching: any LossProposer
    private let controls: any LossProposer

    public init(searching: any LossProposer, controls: any LossProposer = GrammarProposer()) {
        self.searching = searching
        self.controls = controls
    }

    public func propose(_ request: ProposalRequest) async throws -> LossProposal {
        guard request.arm == .evolution else { return try await controls.propose(request) }
        func isOwn(_ candidate: Candidate) -> Bool { candidate.arm == .evolution || candidate.arm == .catalogue }
        return try await searching.propose(
            ProposalRequest(
                arm: request.arm, parents: request.parents.filter(isOwn),
                snapshot: ArchiveSnapshot(candidates: request.snapshot.candidates.filter(isOwn)), seed: request.seed,
                number: request.number))
    }
}
