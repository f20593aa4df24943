import LabCore

/// Writes a campaign's rows to the archive, in order, also while the campaign is being cancelled.
struct Recorder: Sendable {
    let archive: any CandidateArchive
    let campaign: String
    let events: @Sendable (CampaignEvent) -> Void

    /// Candidates with their screenings and trials, together.
    func record(
        _ candidates: [Candidate], screenings: [CandidateID: Screening],
        trials: [CandidateID: [Contender.FinishedTrial]]
    ) async throws {
        let (archive, campaign) = (archive, campaign)
        let batch = candidates.map { candidate in
            let records = (trials[candidate.id] ?? []).map { TrialRecord(spec: $0.spec, outcome: $0.outcome) }
            return RecordedCandidate(candidate, trials: records, screening: screenings[candidate.id])
        }
        try await write("candidates \(candidates.map(\.id.description).joined(separator: ", "))") {
            try await archive.record(batch, of: campaign)
        }
        for candidate in candidates { events(.recorded(candidate.id, status: candidate.status)) }
    }

    func record(_ trials: [Contender.FinishedTrial], of id: CandidateID) async throws {
        let (archive, campaign) = (archive, campaign)
        try await write("trials of candidate \(id)") {
            for trial in trials {
                try await archive.record(trial.outcome, trial.spec, of: id, in: campaign)
            }
        }
    }

    func record(_ confirmation: Confirmation) async throws {
        let (archive, campaign) = (archive, campaign)
        try await write("confirmation") { try await archive.record(confirmation, of: campaign) }
        events(.confirmed(confirmation.verdict))
    }

    private func write(_ what: String, _ operation: @escaping @Sendable () async throws -> Void) async throws {
        do { try await Task(operation: operation).value } catch {
            throw CampaignError(.storage, "\(what) could not be recorded in the archive: \(error)")
        }
    }
}
