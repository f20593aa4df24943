import ArgumentParser
import Foundation
import LabConfig
import LabCore
import LocalModels

/// Which of the lab's own models writes a campaign's losses on this machine, if any can.
///
/// `LOSSLAB_MODEL` chooses another model than the recipe, or `none`. Where the model cannot run, a recipe with
/// `fallback: grammar` goes on without it.
struct EmbeddedChoice {
    let models: EmbeddedModels
    let project: Project
    var environment = ProcessInfo.processInfo.environment

    /// The campaign as it will run: with a model that is here and answers, or without one.
    ///
    /// - Throws: `LocalModelError` where the model cannot run and the recipe has no fallback.
    func settled(_ recipe: CampaignConfig) async throws -> CampaignConfig {
        var config = recipe
        guard let proposer = recipe.proposer.model, proposer.endpoint.embedded != nil, recipe.budget.candidates > 0
        else {
            return recipe
        }
        let chosen = environment["LOSSLAB_MODEL"].flatMap { $0.isEmpty ? nil : $0 }
        if chosen == "none" {
            guard recipe.proposer.fallback != nil else {
                throw LocalModelError(
                    .setup,
                    "LOSSLAB_MODEL is none, but \(recipe.name) has no `fallback: grammar` under `proposer:` to go on with"
                )
            }
            return withoutModel(config, because: "LOSSLAB_MODEL is none")
        }
        if let chosen {
            let known = try readingInput { try ModelCatalogue.load().model(named: chosen) }
            config.proposer.model?.model = known.name
            config.proposer.model?.endpoint.embedded = known.name
            config.proposer.model?.contextTokens = min(proposer.contextTokens, known.contextTokens)
        }
        do {
            if let shortage = try await shortage(of: config) { throw shortage }
            return config
        } catch let shortage as LocalModelError where recipe.proposer.fallback != nil {
            return withoutModel(config, because: shortage.message)
        }
    }

    /// Why the campaign's own model cannot run here; `nil` once it is fetched, started and answers.
    func shortage(of config: CampaignConfig) async throws -> LocalModelError? {
        guard let proposer = config.proposer.model, let name = proposer.endpoint.embedded else { return nil }
        let catalogue = try ModelCatalogue.load()
        let model = try catalogue.model(named: name)
        let options = try EmbeddedModels.options(for: proposer.endpoint, contextTokens: proposer.contextTokens)
        guard await !models.serves(name, options) else { return nil }
        let shortage = MachineRoom.current(folder: catalogue.folder).shortage(
            of: model, slots: options.slots, context: options.context,
            besides: config.workers * CampaignEstimate.assumedWorkerBytes, isFetched: catalogue.has(model))
        if let shortage { return shortage }
        do { _ = try await models.server(of: name, options) } catch let error as LocalModelError { return error }
        return nil
    }

    private func withoutModel(_ config: CampaignConfig, because reason: String) -> CampaignConfig {
        log("losslab: \(config.name): \(reason): the grammar alone writes the losses")
        var config = config
        config.proposer.strategy = "grammar"
        config.proposer.model = nil
        config.proposer.fallback = nil
        return config
    }
}
