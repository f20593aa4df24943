import LabCore

/// A proposal after screening and the search for duplicates: settled, or new and to be trained.
struct Draft: Sendable {
    let id: CandidateID
    let arm: SearchArm
    let generation: Int
    let proposal: LossProposal
    let screening: Screening?
    /// In file form, under a name of its own; `nil` when screening found nothing usable.
    let source: LossSource?
    /// What came of it when nothing is left to do.
    let settled: CandidateStatus?

    var contender: Contender? {
        guard settled == nil, let source else { return nil }
        return Contender(id: id, loss: source)
    }

    /// What the archive keeps, after as many rungs as the contender has climbed.
    func candidate(after contender: Contender?) -> Candidate {
        let tuned = contender?.isRunning == true ? contender?.tuned : nil
        let status: CandidateStatus =
            switch contender?.state {
            case .running: .scored(tuned?.fidelity ?? .smoke)
            case .rejected(let rejection): .rejected(rejection)
            case .failed(let reason): .failed(reason)
            case nil: settled ?? .failed("never trained")
            }
        return Candidate(
            id: id, arm: arm, generation: generation, proposal: proposal,
            source: tuned.map { source?.with(beta: $0.setting.beta) } ?? source,
            fingerprint: screening?.fingerprint, shape: screening?.shape, status: status, tuned: tuned)
    }
}

extension LossSource {
    /// The same loss recommending another beta: the one it was tuned to.
    func with(beta: Double) -> LossSource {
        LossSource(
            name: name, text: text, origin: origin, beta: beta, title: title, reference: reference, parents: parents,
            isControl: isControl)
    }
}
