import LabCore
import Yams

/// Ways of proposing and of choosing parents that a recipe may name.
enum KnownStrategies {
    static let proposers = ["grammar", "program", "discopop"]
    /// Losses that the paper's loop begins with.
    static let burnIn = ["dpo", "slic", "ipo", "kto_pair"]
    static let selectors = ["mixed", "tournament", "pareto"]
}

/// Reads a campaign; every key that is absent takes the default of its type.
func campaign(from section: Section) -> CampaignConfig {
    var config = CampaignConfig(name: "")
    let name = section.name("name", of: .campaign)
    config.seed = section.unsigned("seed", config.seed)
    config.policy = policy(from: section)
    config.world = section.name("world", of: .world) ?? config.policy.map { worldName(of: $0.data) } ?? config.world
    config.transferWorld = config.policy == nil ? transferWorld(section, config.transferWorld) : nil
    config.proposer = proposer(from: section.section("proposer"))
    config.judge = judge(from: section, hasPolicy: config.policy != nil)
    config.catalogue = section.namesOrAll("catalogue", config.catalogue)
    config.budget = budget(
        from: section.section("budget"), generationSize: config.proposer.strategy == "discopop" ? 1 : nil)
    config.tuning = tuning(from: section.section("tuning"))
    if let policy = config.policy, config.tuning.grid == nil { config.tuning.grid = defaultGrid(of: policy.model) }
    config.selection = selection(from: section.section("selection"))
    config.confirmation = confirmation(from: section.section("confirmation"))
    config.workers = section.int("workers", config.workers, in: 1...256)
    section.refuseUnknownKeys()
    if !section.has("name") {
        section.complain(.missingKey, "name", "is missing; it becomes the campaign's folder under runs/")
    }
    config.name = name ?? ""
    refuseContradictions(of: config, in: section)
    let reused = Set(config.confirmation.seeds).intersection(config.tuning.fullSeeds + config.tuning.proxySeeds)
    if !reused.isEmpty {
        let list = reused.sorted().map { "\($0)" }.joined(separator: ", ")
        section.complain(
            .conflict, "confirmation", "must use fresh seeds, but tuning uses \(list) too; choose others in one of them"
        )
    }
    return config
}

private func transferWorld(_ section: Section, _ fallback: String?) -> String? {
    if let node = section.node("transferWorld"), node.isNothing || node.scalar?.string == "none" { return nil }
    return section.name("transferWorld", of: .world) ?? fallback
}

private func proposer(from section: Section) -> ProposerConfig {
    var config = ProposerConfig()
    config.strategy = section.choice("strategy", config.strategy, of: KnownStrategies.proposers)
    let arms = section.section("controlArms")
    for arm in [SearchArm.random, .bestOfN] where arms.has(arm.rawValue) {
        let share = arms.double(arm.rawValue, 0, in: 0...0.9)
        if share > 0 { config.controlArms[arm] = share }
    }
    _ = [SearchArm.random, .bestOfN].map { arms.node($0.rawValue) }
    arms.refuseUnknownKeys()
    config.model = proposingModel(from: section, strategy: config.strategy)
    config.fallback = fallback(from: section, model: config.model)
    section.refuseUnknownKeys()
    let total = config.controlArms.values.reduce(0, +)
    if total > 0.9 {
        section.complain(
            .outOfRange, "controlArms", "take \(total) of the candidates; leave at least 0.1 to the search")
    }
    return config
}

private func budget(from section: Section, generationSize: Int?) -> BudgetConfig {
    var config = BudgetConfig()
    config.generationSize = generationSize ?? config.generationSize
    config.candidates = section.int("candidates", config.candidates, in: 0...1_000_000)
    config.generationSize = section.int("generationSize", config.generationSize, in: 1...1_000)
    config.proposalFactor = section.double("proposalFactor", config.proposalFactor, in: 1...1_000)
    config.seconds = section.duration("time", config.seconds, in: 1...2_592_000)
    config.model = modelBudget(from: section)
    section.refuseUnknownKeys()
    return config
}

private func tuning(from section: Section) -> TuningConfig {
    var config = TuningConfig()
    config.grid = grid(from: section)
    config.smokePairs = section.int("smokePairs", config.smokePairs, in: 16...1_000_000)
    config.pairs = section.int("pairs", config.pairs, in: 16...1_000_000)
    config.epochs = section.int("epochs", config.epochs, in: 1...100)
    config.proxySeeds = section.seeds("proxySeeds", config.proxySeeds)
    config.fullSeeds = section.seeds("fullSeeds", config.fullSeeds)
    config.fullSettings = section.int("fullSettings", config.fullSettings, in: 1...1_000)
    config.promotedShare = section.double("promotedShare", config.promotedShare, in: 0.01...1)
    section.refuseUnknownKeys()
    if !Set(config.proxySeeds).isSubset(of: config.fullSeeds) {
        section.complain(
            .conflict, "fullSeeds", "must include every seed of proxySeeds, so that comparisons are paired")
    }
    return config
}

private func grid(from section: Section) -> SettingGrid? {
    guard let node = section.node("grid"), !node.isNothing, node.scalar?.string != "world" else { return nil }
    let part = section.section("grid")
    let rates = part.doubles("learningRates", [], in: 1e-8...1)
    let betas = part.doubles("betas", [], in: 1e-4...100)
    part.refuseUnknownKeys()
    for key in ["learningRates", "betas"] where !part.has(key) && node.mapping != nil {
        part.complain(.missingKey, key, "is missing; give both lists, or write `grid: world`")
    }
    return SettingGrid(learningRates: rates, betas: betas)
}

private func selection(from section: Section) -> SelectionConfig {
    var config = SelectionConfig()
    config.strategy = section.choice("strategy", config.strategy, of: KnownStrategies.selectors)
    config.tournamentSize = section.int("tournamentSize", config.tournamentSize, in: 1...1_000)
    section.refuseUnknownKeys()
    return config
}

private func confirmation(from section: Section) -> ConfirmationConfig {
    var config = ConfirmationConfig()
    config.finalists = section.int("finalists", config.finalists, in: 1...100)
    config.catalogueLosses = section.int("catalogueLosses", config.catalogueLosses, in: 1...100)
    // A single seed has no standard error, and without one there is no verdict.
    config.seeds = section.seeds("seeds", config.seeds, atLeast: 2)
    config.level = section.double("level", config.level, in: 0.0001...0.5)
    section.refuseUnknownKeys()
    return config
}
