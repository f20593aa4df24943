public import LabCore

/// An archive that forgets everything with its process.
public actor InMemoryArchive: CandidateArchive {
    private var candidates: [String: [CandidateID: Candidate]] = [:]
    private var trialRecords: [String: [CandidateID: [String: TrialRecord]]] = [:]
    private var confirmations: [String: Confirmation] = [:]

    public init() {}

    public func record(_ candidate: Candidate, of campaign: String) {
        candidates[campaign, default: [:]][candidate.id] = candidate
    }

    public func record(_ outcome: TrialOutcome, _ spec: TrialSpec, of candidate: CandidateID, in campaign: String) {
        let record = TrialRecord(spec: spec, outcome: outcome)
        trialRecords[campaign, default: [:]][candidate, default: [:]][spec.slug] = record
    }

    public func record(_ confirmation: Confirmation, of campaign: String) { confirmations[campaign] = confirmation }

    public func snapshot(of campaign: String) -> ArchiveSnapshot {
        ArchiveSnapshot(candidates: candidates[campaign].map { Array($0.values) } ?? [])
    }

    public func trials(of candidate: CandidateID, in campaign: String) -> [TrialRecord] {
        let records = trialRecords[campaign]?[candidate]?.values.map { $0 } ?? []
        return records.sorted { $0.spec.slug < $1.spec.slug }
    }

    public func confirmation(of campaign: String) -> Confirmation? { confirmations[campaign] }
}
