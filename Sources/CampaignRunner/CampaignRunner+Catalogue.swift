import LabCore

extension CampaignRunner {
    /// The step that is stored once the catalogue is tuned.
    public static let catalogueStep = "catalogue"

    /// Tunes every catalogue loss as a candidate is tuned, once for all campaigns, and records it.
    ///
    /// Recorded as candidates -1, -2, ... of generation 0. One that is rejected or fails is recorded as such.
    func evaluateCatalogue() async throws -> [Candidate] {
        if let finished: [Candidate] = try await steps.finished(Self.catalogueStep) { return finished }
        events(.stage(name: "catalogue screening", total: catalogue.count))
        let numbered = catalogue.enumerated().map { (id: CandidateID(-1 - $0), loss: $1) }
        let screenings = try await concurrentMap(numbered, limit: config.workers) { try await screen($1, as: $0) }

        var entrants: [Contender] = []
        for ((id, loss), screening) in zip(numbered, screenings) {
            var contender = Contender(id: id, loss: loss)
            if let reason = scheduler.failures.failure(of: id) { contender.fail(because: reason) }
            // Controls are bad on purpose; they are trained all the same, to show what the evaluator tells apart.
            if let screening, !screening.accepted, !loss.isControl, let rejection = screening.rejections.first {
                contender.reject(rejection)
            }
            entrants.append(contender)
        }
        let ladder = TuningLadder(tuning: tuning, scheduler: scheduler, journal: cache, label: "catalogue")
        let contenders = try await LossEvaluation(ladder: ladder).evaluated(entrants)

        let candidates = zip(contenders, screenings).map { contender, screening in
            let proposal = LossProposal(name: contender.loss.name, text: contender.loss.text, operation: "catalogue")
            let draft = Draft(
                id: contender.id, arm: .catalogue, generation: 0, proposal: proposal, screening: screening,
                source: contender.loss, settled: nil)
            return draft.candidate(after: contender)
        }
        let screened = zip(contenders, screenings).compactMap { entry, screening in
            screening.map { (entry.id, $0) }
        }
        try await recorder.record(
            candidates, screenings: Dictionary(uniqueKeysWithValues: screened),
            trials: Dictionary(uniqueKeysWithValues: contenders.map { ($0.id, $0.trials) }))
        try await steps.keep(candidates, for: Self.catalogueStep)
        return candidates
    }

    /// Fingerprint and shape of a catalogue loss; `nil` when screening itself failed.
    private func screen(_ loss: LossSource, as id: CandidateID) async throws -> Screening? {
        do {
            let screener = stages.screener
            return try await cache.once(stages.identity.screeningKey(of: loss.text)) {
                try await limits.call("screening of \(loss.name)", within: limits.screening) {
                    try await screener.screen(loss.text, name: loss.name)
                }
            }.value
        } catch let failure as StageFailure {
            try scheduler.failures.failed(id, because: failure.description)
            return nil
        }
    }
}
