// The whole extension surface on one page. A bad loss is a value (`Rejection`); a lost worker is a thrown error.

/// Writes a new loss from parents.
public protocol LossProposer: Sendable {
    /// One proposal. The same request gives the same proposal where the conformer is seeded; a remote model need not.
    func propose(_ request: ProposalRequest) async throws -> LossProposal
}

/// What a proposer is asked: which way of searching, from which parents, with what to show.
public struct ProposalRequest: Sendable {
    public let arm: SearchArm
    public let parents: [Candidate]
    /// What the proposer may see; empty for the control arms, which get no feedback.
    public let snapshot: ArchiveSnapshot
    public let seed: UInt64
    /// Number of the candidate to be, for its name.
    public let number: Int

    public init(arm: SearchArm, parents: [Candidate], snapshot: ArchiveSnapshot, seed: UInt64, number: Int) {
        self.arm = arm
        self.parents = parents
        self.snapshot = snapshot
        self.seed = seed
        self.number = number
    }
}

/// Checks a loss on tensors, without any training.
public protocol LossScreener: Sendable {
    /// - Parameters:
    ///   - name: the loss's name, over any that the text gives; `nil` leaves the naming to the screener.
    ///   - reply: what is known about the text where a model wrote it as an answer; `nil` for a file.
    func screen(_ text: String, name: String?, reply: ReplyContext?) async throws -> Screening
}

extension LossScreener {
    public func screen(_ text: String, name: String?) async throws -> Screening {
        try await screen(text, name: name, reply: nil)
    }
}

/// Trains a policy with a loss and lets it answer the questions of the trial; `nil` samples the untrained policy.
///
/// Sampling belongs to the same call because the trained policy never leaves the process that trained it.
public protocol PolicyTrainer: Sendable {
    func train(_ loss: LossSource?, as spec: TrialSpec) async throws -> TrainingOutcome
}

/// Grades answers.
public protocol AnswerJudge: Sendable {
    func judge(_ answers: [Answer], of world: String, questions: QuestionSet) async throws -> [Judgment]
}

/// Runs one trial from training to score: the three stages above as one step of the loop.
public protocol TrialRunner: Sendable {
    func run(_ loss: LossSource, _ spec: TrialSpec) async throws -> TrialOutcome
}

/// Keeps a trial's dialogues with their grades beside its score.
public protocol TrialEvidence: Sendable {
    func keep(_ dialogues: [GradedAnswer], of loss: String, _ spec: TrialSpec) async throws
}

/// Chooses parents. Pure: same snapshot and generator state, same parents.
public protocol ParentSelector: Sendable {
    func selectParents(
        from snapshot: ArchiveSnapshot, count: Int, using generator: inout SeededGenerator
    ) -> [CandidateID]
}

/// Keeps what a campaign finds. Recording the same candidate again replaces it.
public protocol CandidateArchive: Sendable {
    func record(_ candidate: Candidate, of campaign: String) async throws
    func record(_ outcome: TrialOutcome, _ spec: TrialSpec, of candidate: CandidateID, in campaign: String) async throws
    /// Candidates together with trials of theirs, all of them or, after a kill, none or some.
    func record(_ batch: [RecordedCandidate], of campaign: String) async throws
    func record(_ confirmation: Confirmation, of campaign: String) async throws
    func snapshot(of campaign: String) async throws -> ArchiveSnapshot
}

/// Finished steps by key, so that a resumed campaign does none of them twice.
///
/// A value is either whole or absent, whatever moment the process was killed at.
public protocol StepStore: Sendable {
    func value(for key: String) async throws -> [UInt8]?
    func store(_ value: [UInt8], for key: String) async throws
}
