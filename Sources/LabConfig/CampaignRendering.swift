public import LabCore

/// The campaign as YAML with every default written out; loads to an equal configuration.
public func render(_ config: CampaignConfig) -> String {
    let budget = config.budget
    let tuning = config.tuning
    let grid =
        tuning.grid.map {
            "\n    learningRates: \(list($0.learningRates))\n    betas: \(list($0.betas))"
        } ?? " world"
    let arms = [SearchArm.random, .bestOfN].compactMap { arm in
        config.proposer.controlArms[arm].map { "\n    \(arm.rawValue): \($0)" }
    }
    return """
        name: \(config.name)
        seed: \(config.seed)
        \(config.policy.map(render) ?? world(config))
        proposer:
          strategy: \(config.proposer.strategy)
          # Shares of the candidates given to the arms without feedback.
          controlArms:\(arms.isEmpty ? " {}" : arms.joined())\(config.proposer.model.map(render) ?? "")\(
          config.proposer.fallback.map { "\n  fallback: \($0)" } ?? "")\(
          config.judge.map(render) ?? "")
        catalogue: \(config.catalogue.isEmpty ? "all" : list(config.catalogue))
        budget:
          candidates: \(budget.candidates)
          generationSize: \(budget.generationSize)
          proposalFactor: \(budget.proposalFactor)
          time: \(budget.seconds.map { Quantity.text(seconds: $0) } ?? "none")\(budget.model.map(render) ?? "")
        tuning:
          grid:\(grid)
          smokePairs: \(tuning.smokePairs)
          pairs: \(tuning.pairs)
          epochs: \(tuning.epochs)
          proxySeeds: \(list(tuning.proxySeeds))
          fullSeeds: \(list(tuning.fullSeeds))
          fullSettings: \(tuning.fullSettings)
          promotedShare: \(tuning.promotedShare)
        selection:
          strategy: \(config.selection.strategy)
          tournamentSize: \(config.selection.tournamentSize)
        confirmation:
          finalists: \(config.confirmation.finalists)
          catalogueLosses: \(config.confirmation.catalogueLosses)
          seeds: \(list(config.confirmation.seeds))
          level: \(config.confirmation.level)
        workers: \(config.workers)

        """
}

private func world(_ config: CampaignConfig) -> String {
    "world: \(config.world)\ntransferWorld: \(config.transferWorld ?? "none")"
}

private func list<Value: CustomStringConvertible>(_ values: [Value]) -> String {
    "[\(values.map(\.description).joined(separator: ", "))]"
}
