public import LabCore

/// Where a campaign's trainings, seconds and rejections went, counted from its events.
///
/// A resumed campaign announces again what it finished before; each training counts once.
public struct CampaignAccount: Sendable, Equatable {
    /// Trainings of one fidelity.
    public struct Entry: Sendable, Equatable {
        /// Done by this campaign.
        public var trained = 0
        /// Taken from earlier work: equal trainings of another rung, or the catalogue's of another campaign.
        public var reused = 0
        /// Of both, those in which the loss was rejected.
        public var rejected = 0
        /// Seconds of training, sampling and judging.
        public var seconds = 0.0

        public init(trained: Int = 0, reused: Int = 0, rejected: Int = 0, seconds: Double = 0) {
            self.trained = trained
            self.reused = reused
            self.rejected = rejected
            self.seconds = seconds
        }
    }

    public var entries: [Fidelity: Entry] = [:]
    public var resumptions = 0
    /// Of the process that finished the campaign, from its start to its end.
    public var lastRunSeconds: Double?

    public init(entries: [Fidelity: Entry] = [:], resumptions: Int = 0, lastRunSeconds: Double? = nil) {
        self.entries = entries
        self.resumptions = resumptions
        self.lastRunSeconds = lastRunSeconds
    }

    public init(of events: some Sequence<CampaignEvent>) {
        var trained: [TrialIdentity: Bool] = [:]
        for event in events {
            switch event {
            case .started(_, let resumed): resumptions += resumed ? 1 : 0
            case .finished(_, let seconds): lastRunSeconds = seconds
            case .trialFinished(let id, let spec, let score, let seconds, let reused):
                let trial = TrialIdentity(candidate: id, spec: spec)
                var entry = entries[spec.fidelity] ?? Entry()
                switch (trained[trial], reused) {
                case (nil, _):
                    entry.trained += reused ? 0 : 1
                    entry.reused += reused ? 1 : 0
                    entry.rejected += score == nil ? 1 : 0
                    entry.seconds += reused ? 0 : seconds
                    trained[trial] = !reused
                case (false?, false):
                    entry.reused -= 1
                    entry.trained += 1
                    entry.seconds += seconds
                    trained[trial] = true
                default: break
                }
                entries[spec.fidelity] = entry
            default: break
            }
        }
    }
}

private struct TrialIdentity: Hashable {
    let candidate: CandidateID
    let spec: TrialSpec
}

/// What came of the losses of one way of searching.
public struct ArmAccount: Codable, Sendable, Equatable {
    public let arm: SearchArm
    public let proposed: Int
    public let scored: Int
    public let duplicates: Int
    public let failed: Int
    /// Rejected losses by the code of the reason.
    public let rejections: [String: Int]

    public init(_ arm: SearchArm, in snapshot: ArchiveSnapshot) {
        var (scored, duplicates, failed) = (0, 0, 0)
        var rejections: [String: Int] = [:]
        let own = snapshot.candidates.filter { $0.arm == arm }
        for candidate in own {
            switch candidate.status {
            case .scored: scored += 1
            case .duplicate: duplicates += 1
            case .failed: failed += 1
            case .rejected(let rejection): rejections[rejection.code, default: 0] += 1
            }
        }
        self.arm = arm
        proposed = own.count
        self.scored = scored
        self.duplicates = duplicates
        self.failed = failed
        self.rejections = rejections
    }
}
