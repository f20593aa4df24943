/// One finished trial as a file: what was asked and what came of it.
public struct TrialRecord: Codable, Sendable, Equatable {
    public let spec: TrialSpec
    public let outcome: TrialOutcome

    public init(spec: TrialSpec, outcome: TrialOutcome) {
        self.spec = spec
        self.outcome = outcome
    }
}

/// A candidate to be recorded, with trials of it.
public struct RecordedCandidate: Sendable {
    public let candidate: Candidate
    public let trials: [TrialRecord]
    /// Every check with what it measured; `nil` where none was made.
    public let screening: Screening?

    public init(_ candidate: Candidate, trials: [TrialRecord], screening: Screening? = nil) {
        self.candidate = candidate
        self.trials = trials
        self.screening = screening
    }
}

extension CandidateArchive {
    /// One row after the other, for archives that know nothing faster.
    public func record(_ batch: [RecordedCandidate], of campaign: String) async throws {
        for entry in batch {
            try await record(entry.candidate, of: campaign)
            for trial in entry.trials {
                try await record(trial.outcome, trial.spec, of: entry.candidate.id, in: campaign)
            }
        }
    }
}
