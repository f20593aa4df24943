import Evolution
import LabCore

extension CampaignRunner {
    /// Retrains finalists and the best catalogue losses with fresh seeds on fresh pairs, grades held-out questions, decides.
    ///
    /// Every loss keeps the setting its search found, in the transfer world too: what is asked there is whether a loss
    /// carries over as it stands, and all losses bear the foreign setting alike. A loss rejected under some seeds is
    /// compared on those that remain, which proves nothing for it; one that fails by our fault stops the campaign here,
    /// since leaving it out could change the verdict.
    func confirm(_ snapshot: ArchiveSnapshot) async throws -> Confirmation {
        let key = confirmationKey(after: snapshot)
        if let finished: Confirmation = try await steps.finished(key) { return finished }
        let promotion = Promotion(share: config.tuning.promotedShare)
        let finalists = promotion.finalists(in: snapshot, count: config.confirmation.finalists)
        let known = promotion.confirmedCatalogue(in: snapshot, count: config.confirmation.catalogueLosses)
        guard known.contains(where: { $0.proposal.name == VerdictRule().baseline }) else {
            throw CampaignError(
                .confirmation,
                "\(VerdictRule().baseline) has no tuned score, so there is nothing to compare the candidates with; "
                    + "losslab campaign show \(config.name) tells why")
        }
        let worlds = [config.world] + [config.transferWorld].compactMap(\.self).filter { $0 != config.world }
        let places = worlds.reduce(0) { $0 + compared(finalists + known, in: $1).count }
        let total = places * config.confirmation.seeds.count
        events(.stage(name: "confirmation", total: total))
        let finalistScores = try await confirmed(finalists, in: worlds, journal: steps)
        let knownScores = try await confirmed(known, in: worlds, journal: cache)

        let decided = VerdictRule(level: config.confirmation.level).confirmation(
            finalists: finalistScores.scores, catalogue: knownScores.scores, world: config.world)
        let confirmation = Confirmation(
            verdict: decided.verdict, winner: decided.winner, scores: decided.scores,
            comparisons: decided.comparisons,
            summary: decided.summary + finalistScores.notes + knownScores.notes)
        try await recorder.record(confirmation)
        try await steps.keep(confirmation, for: key)
        return confirmation
    }

    /// A search that a model's budget ended may go on with a larger one; what was confirmed before does not count then.
    private func confirmationKey(after snapshot: ArchiveSnapshot) -> String {
        guard config.proposer.model != nil, let last = snapshot.candidates.map(\.id).max() else {
            return "confirmation"
        }
        return "confirmation/\(last)"
    }

    /// Confirmed scores of these losses in these worlds, and sentences about those that could not be trained.
    private func confirmed(
        _ losses: [Candidate], in worlds: [String], journal: StepJournal
    ) async throws -> (scores: [ConfirmedScore], notes: [String]) {
        let places = worlds.flatMap { world in
            compared(losses, in: world).map { (world: world, loss: $0) }
        }
        let seeds = config.confirmation.seeds
        let requests = places.flatMap { place in seeds.compactMap { request(place.loss, place.world, seed: $0) } }
        let outcomes = try await scheduler.run(requests, journal: journal)

        var scores: [ConfirmedScore] = []
        var notes: [String] = []
        for (position, place) in places.enumerated() {
            let range = (position * seeds.count)..<((position + 1) * seeds.count)
            let trials = try zip(requests[range], outcomes[range]).map { request, outcome in
                guard let outcome else { throw confirmationFailure(of: request) }
                return Contender.FinishedTrial(spec: request.spec, outcome: outcome)
            }
            try await recorder.record(trials, of: place.loss.id)
            let results = trials.compactMap(\.result)
            if results.count < seeds.count {
                notes.append(
                    "\(place.loss.lossName) could not be trained with \(seeds.count - results.count) of \(seeds.count) "
                        + "seeds in \(place.world): \(trials.compactMap(\.rejection).first?.message ?? "unknown").")
            }
            if let score = confirmedScore(place.loss, place.world, results) { scores.append(score) }
        }
        return (scores, notes)
    }

    /// A catalogue loss's further settings guard the verdict, which the transfer world has no part in.
    private func compared(_ losses: [Candidate], in world: String) -> [Candidate] {
        losses.filter { loss in
            loss.source != nil && loss.tuned != nil && (world == config.world || !OtherSetting.isOne(loss.lossName))
        }
    }

    private func request(_ loss: Candidate, _ world: String, seed: Int) -> TrialRequest? {
        guard let source = loss.source, let tuned = loss.tuned else { return nil }
        let spec = TrialSpec(
            world: world, fidelity: .confirmation, setting: tuned.setting, seed: seed, pairPool: .confirmation,
            questionSet: .heldOut, pairCount: config.tuning.pairs, epochs: config.tuning.epochs)
        return TrialRequest(candidate: loss.id, loss: source, spec: spec)
    }

    private func confirmedScore(_ loss: Candidate, _ world: String, _ results: [TrialResult]) -> ConfirmedScore? {
        guard let tuned = loss.tuned, let scores = CrossedScores(results.map(\.questionScores)),
            let greedy = CrossedScores(results.map(\.greedyScores))
        else { return nil }
        let kls = results.compactMap(\.kl)
        return ConfirmedScore(
            name: loss.lossName, world: world, setting: tuned.setting,
            // What a search score shrank to is only known where the search was.
            searchScore: world == config.world ? tuned.score : nil, score: scores.estimate, greedy: greedy.estimate,
            kl: kls.isEmpty ? nil : kls.reduce(0, +) / Double(kls.count), table: scores.values,
            greedyTable: greedy.values, seeds: results.map(\.spec.seed))
    }

    private func confirmationFailure(of request: TrialRequest) -> CampaignError {
        let reason = scheduler.failures.failure(of: request.candidate) ?? "unknown"
        return CampaignError(
            .confirmation,
            "\(request.loss.name) could not be confirmed: \(reason); finished work is stored: remove the cause, "
                + "then losslab campaign resume \(config.name)")
    }
}

extension Candidate {
    /// Name of its loss: unique in the campaign once screened.
    var lossName: String { source?.name ?? proposal.name }
}
