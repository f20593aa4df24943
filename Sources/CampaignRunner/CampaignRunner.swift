import Evolution
public import LabCore
public import Logging

/// Runs a campaign: catalogue, search, confirmation. Running it again resumes where the stored steps end.
///
/// Nothing here depends on which trial finished first or on how often the run was cut off: all decisions are taken from
/// complete rungs and generations, seeded by the campaign's seed and the number of the candidate. Only a time budget
/// depends on the clock, so the seconds it counts are stored with each generation.
public struct CampaignRunner: Sendable {
    let config: CampaignConfig
    let catalogue: [LossSource]
    let stages: CampaignStages
    let recorder: Recorder
    let tuning: Tuning
    let selector: any ParentSelector
    let scheduler: TrialScheduler
    let limits: StageLimits
    let steps: StepJournal
    let cache: StepJournal
    let logger: Logger
    let events: @Sendable (CampaignEvent) -> Void
    /// Seconds since some moment; the search's time budget is the only use of it.
    let clock: @Sendable () -> Double

    /// - Parameters:
    ///   - grid: the world's grid of settings; the configuration's own takes its place where there is one.
    ///   - catalogue: all known losses; the configuration may name some of them.
    ///   - events: called from many tasks; must return at once.
    public init(
        config: CampaignConfig, grid: SettingGrid, catalogue: [LossSource], stages: CampaignStages,
        storage: CampaignStorage, limits: StageLimits = StageLimits(),
        logger: Logger = Logger(label: "losslab.campaign"),
        events: @escaping @Sendable (CampaignEvent) -> Void = { _ in },
        clock: @escaping @Sendable () -> Double = CampaignRunner.uptime
    ) throws {
        self.config = config
        self.catalogue = try Self.chosen(config.catalogue, from: catalogue)
        self.stages = stages
        recorder = Recorder(archive: storage.archive, campaign: config.name, events: events)
        tuning = Tuning(config: config.tuning, grid: grid, world: config.world)
        selector = try Self.selector(config.selection)
        scheduler = TrialScheduler(
            runner: stages.trials, identity: stages.identity, workers: config.workers, limits: limits,
            failures: FailureWatch(limit: max(limits.failuresInARow, 2 * config.workers + 1)), events: events)
        self.limits = limits
        steps = StepJournal(store: storage.steps, logger: logger)
        cache = StepJournal(store: storage.cache, logger: logger)
        self.logger = logger
        self.clock = clock
        self.events = events
        guard !tuning.grid.settings.isEmpty else {
            throw CampaignError(.configuration, "the grid of learning rates and betas is empty")
        }
    }

    /// The whole campaign. Throws `CampaignInterrupted` when its task is cancelled or the budget for models does not hold
    /// what is left to judge, and `CampaignError`.
    public func run() async throws -> Confirmation {
        let started = clock()
        do {
            events(.started(campaign: config.name, resumed: try await begin()))
            let catalogue = try await evaluateCatalogue()
            let snapshot = try await search(from: catalogue)
            let confirmation = try await confirm(snapshot)
            events(.finished(campaign: config.name, seconds: clock() - started))
            return confirmation
        } catch  where Task.isCancelled {
            throw CampaignInterrupted(campaign: config.name)
        } catch let halt as ModelHalt {
            throw Self.end(of: config, by: halt)
        }
    }

    /// What a campaign ends with when its judge can be asked nothing more.
    public static func end(of config: CampaignConfig, by halt: ModelHalt) -> any Error {
        switch halt.reason {
        case .misconfigured: CampaignError(.configuration, halt.message)
        case .budget:
            CampaignInterrupted(campaign: config.name, spentBudget: halt.message, budget: config.budget.model)
        }
    }

    /// Stores the configuration, or finds it; says whether there was one.
    private func begin() async throws -> Bool {
        guard let begun: CampaignConfig = try await steps.finished("campaign") else {
            try await steps.keep(config, for: "campaign")
            return false
        }
        var comparable = begun
        comparable.workers = config.workers
        comparable.budget.model = config.budget.model
        guard comparable == config else {
            throw CampaignError(
                .configuration,
                "campaign \(config.name) was begun with another configuration; resume it with that one, "
                    + "or give the new campaign another name")
        }
        return true
    }

    private static func chosen(_ names: [String], from losses: [LossSource]) throws -> [LossSource] {
        let known = Set(losses.map(\.name))
        if let unknown = names.first(where: { !known.contains($0) }) {
            throw CampaignError(
                .configuration,
                "the catalogue has no loss named \(unknown); it has \(known.sorted().joined(separator: ", "))")
        }
        let chosen = names.isEmpty ? losses : losses.filter { names.contains($0.name) }
        guard chosen.contains(where: { $0.name == VerdictRule().baseline }) else {
            throw CampaignError(
                .configuration, "the campaign's catalogue lacks \(VerdictRule().baseline), which every verdict needs")
        }
        return chosen
    }

    private static func selector(_ selection: SelectionConfig) throws -> any ParentSelector {
        guard let selector = selection.selector else {
            throw CampaignError(.configuration, "unknown selection strategy \(selection.strategy)")
        }
        return selector
    }

    /// Seconds of a clock that no one sets.
    public static func uptime() -> Double { start.duration(to: .now).inSeconds }

    private static let start = ContinuousClock.now
}
