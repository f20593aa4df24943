import LabCore

/// One whole campaign at the level of scores: the lab's own tuning, promotion and verdict on simulated trials.
struct SimulatedCampaign {
    let config: CampaignConfig
    let world: SimulatedWorld
    let catalogue: [SimulatedLoss]
    let candidates: [SimulatedLoss]

    private var tuning: Tuning { Tuning(config: config.tuning, grid: world.grid, world: config.world) }
    private var promotion: Promotion { Promotion(share: config.tuning.promotedShare) }

    /// The campaign's confirmation, and the true expected score behind every confirmed one, by its name.
    func run() -> (confirmation: Confirmation, truths: [String: Double]) {
        var archive = catalogue.map { loss in record(loss, .full, tunedFull(loss, after: tunedProxy(loss))) }
        for start in stride(from: 0, to: candidates.count, by: config.budget.generationSize) {
            let generation = candidates[start..<min(start + config.budget.generationSize, candidates.count)]
            let proxies = generation.map { loss in (loss, results: tunedProxy(loss)) }
            let scored = proxies.map { loss, results in
                record(loss, .proxy, tuning.tunedScore(of: results, fidelity: .proxy))
            }
            let promoted = Set(promotion.promotedToFull(scored))
            for (candidate, (loss, results)) in zip(scored, proxies) {
                let goesOn = promoted.contains(candidate.id)
                archive.append(goesOn ? record(loss, .full, tunedFull(loss, after: results)) : candidate)
            }
        }
        let snapshot = ArchiveSnapshot(candidates: archive)
        let finalists = promotion.finalists(in: snapshot, count: config.confirmation.finalists)
        let opponents = promotion.confirmedCatalogue(in: snapshot, count: config.confirmation.catalogueLosses)
        let confirmation = VerdictRule(level: config.confirmation.level).confirmation(
            finalists: finalists.compactMap(confirm), catalogue: opponents.compactMap(confirm), world: config.world)
        let truths = (finalists + opponents).compactMap { confirmed -> (String, Double)? in
            guard let loss = loss(confirmed.id), let setting = confirmed.tuned?.setting else { return nil }
            return (confirmed.name, loss.score(at: setting, of: world.grid))
        }
        return (confirmation, Dictionary(truths) { first, _ in first })
    }

    private func loss(_ id: CandidateID) -> SimulatedLoss? { (catalogue + candidates).first { $0.id == id } }

    func loss(named name: String) -> SimulatedLoss? { (catalogue + candidates).first { $0.name == name } }

    private func tunedProxy(_ loss: SimulatedLoss) -> [TrialResult] {
        tuning.proxyTrials().map { world.result(of: loss, $0) }
    }

    private func tunedFull(_ loss: SimulatedLoss, after proxy: [TrialResult]) -> TunedScore? {
        let full = tuning.fullTrials(after: proxy).map { world.result(of: loss, $0) }
        return tuning.tunedScore(of: proxy + full, fidelity: .full)
    }

    private func record(_ loss: SimulatedLoss, _ fidelity: Fidelity, _ tuned: TunedScore?) -> Candidate {
        Candidate(
            id: loss.id, arm: loss.id.number < 0 ? .catalogue : .evolution, generation: 0,
            proposal: LossProposal(name: loss.name, text: "", operation: "simulated"), source: nil, fingerprint: nil,
            shape: nil, status: .scored(fidelity), tuned: tuned)
    }

    /// Fresh seeds and held-out questions at the setting that the search found best.
    private func confirm(_ candidate: Candidate) -> ConfirmedScore? {
        guard let tuned = candidate.tuned, let loss = loss(candidate.id) else { return nil }
        let table = config.confirmation.seeds.map { seed in
            world.result(
                of: loss,
                TrialSpec(
                    world: config.world, fidelity: .confirmation, setting: tuned.setting, seed: seed,
                    pairPool: .confirmation, questionSet: .heldOut)
            ).questionScores
        }
        guard let score = CrossedScores(table)?.estimate else { return nil }
        return ConfirmedScore(
            name: candidate.name, world: config.world, setting: tuned.setting, searchScore: tuned.score, score: score,
            greedy: score, kl: nil, table: table, greedyTable: [], seeds: config.confirmation.seeds)
    }
}
