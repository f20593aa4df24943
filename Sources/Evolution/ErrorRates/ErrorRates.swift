public import LabCore

/// Simulates whole campaigns with known truths, to measure how often the lab's verdicts are wrong or right.
///
/// Tuning, promotion and verdict are the lab's own; only training and judging are replaced, by draws from `noise`. The
/// published loop's protocol runs on the same losses beside it.
/// - Parameters:
///   - campaigns: of each scenario.
///   - config: gives budget, tuning and confirmation; the default is the quickstart's size.
///   - grid: used where the configuration has none.
///   - progress: called after each campaign with the number done of all.
public func simulateErrorRates(
    campaigns: Int = 1000, seed: UInt64 = 1, scenarios: [ErrorRateScenario] = ErrorRateScenario.allCases,
    config: CampaignConfig = CampaignConfig(name: "error-rates"), grid: SettingGrid = defaultErrorRateGrid,
    questions: (search: Int, heldOut: Int) = (80, 160), catalogueLosses: Int = 17, noise: NoiseModel = NoiseModel(),
    progress: (Int, Int) -> Void = { _, _ in }
) -> ErrorRateReport {
    let grid = config.tuning.grid ?? grid
    let total = campaigns * scenarios.count
    let rows = scenarios.enumerated().map { index, scenario in
        var tally = ErrorRateTally(scenario: scenario)
        for number in 0..<campaigns {
            var generator = SeededGenerator(seed: seed, stream: UInt64(index * campaigns + number))
            let world = SimulatedWorld(
                noise: noise, grid: grid, searchQuestions: questions.search, heldOutQuestions: questions.heldOut,
                seed: generator.next())
            let losses = scenario.losses(
                catalogue: catalogueLosses, candidates: config.budget.candidates, grid: grid, using: &generator)
            let campaign = SimulatedCampaign(
                config: config, world: world, catalogue: losses.catalogue, candidates: losses.candidates)
            let published = PublishedProtocol(
                world: world, worldName: config.world,
                setting: Tuning(config: config.tuning, grid: grid, world: config.world).smokeTrial().setting, seed: 1)
            tally.add(campaign, published.claim(catalogue: losses.catalogue, candidates: losses.candidates))
            progress(index * campaigns + number + 1, total)
        }
        return tally.row
    }
    return ErrorRateReport(
        campaigns: campaigns, seed: seed, level: config.confirmation.level, candidates: config.budget.candidates,
        settings: grid.settings.count, confirmationSeeds: config.confirmation.seeds.count,
        heldOutQuestions: questions.heldOut, noise: noise, rows: rows)
}

/// The grid of the embedded worlds.
public let defaultErrorRateGrid = SettingGrid(learningRates: [2.5e-4, 5e-4, 1e-3], betas: [0.005, 0.02, 0.08])
