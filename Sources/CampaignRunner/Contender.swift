import Evolution
import LabCore

/// One loss on its way up the rungs: what its trials came to, and whether it is still in.
struct Contender: Sendable {
    enum State: Sendable, Equatable {
        case running
        case rejected(Rejection)
        case failed(String)
    }

    struct FinishedTrial: Sendable {
        let spec: TrialSpec
        let outcome: TrialOutcome

        var result: TrialResult? {
            guard case .scored(let result) = outcome else { return nil }
            return result
        }

        var rejection: Rejection? {
            guard case .rejected(let rejection) = outcome else { return nil }
            return rejection
        }
    }

    let id: CandidateID
    let loss: LossSource
    private(set) var trials: [FinishedTrial] = []
    private(set) var state = State.running
    private(set) var tuned: TunedScore?

    init(id: CandidateID, loss: LossSource) {
        self.id = id
        self.loss = loss
    }

    var isRunning: Bool { state == .running }

    var results: [TrialResult] { trials.compactMap(\.result) }

    mutating func add(_ outcome: TrialOutcome, of spec: TrialSpec) {
        trials.append(FinishedTrial(spec: spec, outcome: outcome))
    }

    mutating func fail(because reason: String) {
        state = .failed(reason)
    }

    mutating func reject(_ rejection: Rejection) {
        state = .rejected(rejection)
    }

    /// After the smoke trial: one that does not train at all is out.
    mutating func settleSmoke() {
        if let rejection = rejections.first { state = .rejected(rejection) }
    }

    /// After a tuning rung: the tuned score, or out when no setting survived all its seeds.
    ///
    /// Being rejected in some settings is no fault: a loss may diverge at one learning rate and be the best at another.
    mutating func settle(_ fidelity: Fidelity, by tuning: Tuning) {
        tuned = tuning.tunedScore(of: results, fidelity: fidelity)
        if tuned == nil {
            state = .rejected(
                rejections.first ?? Rejection(code: "nonfinite", message: "no setting has a score for every seed"))
        }
    }

    private var rejections: [Rejection] { trials.compactMap(\.rejection) }
}
