/// One search with one configuration and seed, every default written out.
public struct CampaignConfig: Codable, Sendable, Equatable {
    public var name: String
    public var seed: UInt64
    /// The world whose pairs train and whose questions score the search; with `policy`, the name of what takes its part.
    public var world: String
    /// The world in which finalists are scored once more; `nil` for none.
    public var transferWorld: String?
    /// A model and data of the user's own in place of a world.
    public var policy: PolicyConfig?
    public var proposer: ProposerConfig
    /// `nil` for the world's own rubric.
    public var judge: JudgeConfig?
    /// Catalogue losses compared with, by name; empty means all.
    public var catalogue: [String]
    public var budget: BudgetConfig
    public var tuning: TuningConfig
    public var selection: SelectionConfig
    public var confirmation: ConfirmationConfig
    /// Trainer processes side by side.
    public var workers: Int

    public init(
        name: String, seed: UInt64 = 1, world: String = "base", transferWorld: String? = "transfer",
        policy: PolicyConfig? = nil, proposer: ProposerConfig = .init(), judge: JudgeConfig? = nil,
        catalogue: [String] = [],
        budget: BudgetConfig = .init(), tuning: TuningConfig = .init(), selection: SelectionConfig = .init(),
        confirmation: ConfirmationConfig = .init(), workers: Int = 2
    ) {
        self.name = name
        self.seed = seed
        self.world = world
        self.transferWorld = transferWorld
        self.policy = policy
        self.proposer = proposer
        self.judge = judge
        self.catalogue = catalogue
        self.budget = budget
        self.tuning = tuning
        self.selection = selection
        self.confirmation = confirmation
        self.workers = workers
    }
}

/// Which proposer, and how the candidates divide between search and its controls.
public struct ProposerConfig: Codable, Sendable, Equatable {
    /// `grammar` needs no model; `program` and `discopop` ask one.
    public var strategy: String
    /// Share of candidates given to the arms without feedback, each. They draw from the grammar whatever the strategy.
    public var controlArms: [SearchArm: Double]
    /// Present when the strategy asks a model.
    public var model: ProposingModelConfig?
    /// `grammar`: what writes the losses where the lab's own model cannot run; `nil` makes that an error.
    public var fallback: String?

    public init(
        strategy: String = "grammar", controlArms: [SearchArm: Double] = [:], model: ProposingModelConfig? = nil,
        fallback: String? = nil
    ) {
        self.strategy = strategy
        self.controlArms = controlArms
        self.model = model
        self.fallback = fallback
    }
}

/// When a campaign stops searching.
public struct BudgetConfig: Codable, Sendable, Equatable {
    /// Distinct candidates to evaluate beyond the catalogue.
    public var candidates: Int
    /// Candidates proposed together from one snapshot.
    public var generationSize: Int
    /// Proposals at most, as a multiple of `candidates`; duplicates and rejections count here.
    public var proposalFactor: Double
    /// Seconds of wall-clock time for the search; `nil` for no limit. Confirmation always runs.
    public var seconds: Double?
    /// What may be spent on language models; a resumed campaign may be given another.
    public var model: ModelBudget?

    public init(
        candidates: Int = 40, generationSize: Int = 10, proposalFactor: Double = 5, seconds: Double? = nil,
        model: ModelBudget? = nil
    ) {
        self.candidates = candidates
        self.generationSize = generationSize
        self.proposalFactor = proposalFactor
        self.seconds = seconds
        self.model = model
    }
}

/// Successive halving over (loss, setting), the same for catalogue and candidates.
public struct TuningConfig: Codable, Sendable, Equatable {
    /// `nil` takes the world's own grid; a campaign over a model of the user's own has one of its own.
    public var grid: SettingGrid?
    /// One short training that shows whether the loss trains at all.
    public var smokePairs: Int
    public var pairs: Int
    public var epochs: Int
    /// Seeds of the proxy rung, every setting.
    public var proxySeeds: [Int]
    /// Seeds of the full rung, the best settings only; they include the proxy seeds.
    public var fullSeeds: [Int]
    /// Settings of a loss that go on to the full rung.
    public var fullSettings: Int
    /// Share of a generation's candidates promoted to the full rung.
    public var promotedShare: Double

    public init(
        grid: SettingGrid? = nil, smokePairs: Int = 128, pairs: Int = 1024, epochs: Int = 1, proxySeeds: [Int] = [1],
        fullSeeds: [Int] = [1, 2, 3], fullSettings: Int = 2, promotedShare: Double = 0.5
    ) {
        self.grid = grid
        self.smokePairs = smokePairs
        self.pairs = pairs
        self.epochs = epochs
        self.proxySeeds = proxySeeds
        self.fullSeeds = fullSeeds
        self.fullSettings = fullSettings
        self.promotedShare = promotedShare
    }
}

/// How parents are chosen.
public struct SelectionConfig: Codable, Sendable, Equatable {
    /// `tournament`, `pareto` (score against KL) or `mixed`.
    public var strategy: String
    public var tournamentSize: Int

    public init(strategy: String = "mixed", tournamentSize: Int = 3) {
        self.strategy = strategy
        self.tournamentSize = tournamentSize
    }
}

/// The end of a campaign: fresh seeds, fresh pairs, held-out questions.
public struct ConfirmationConfig: Codable, Sendable, Equatable {
    public var finalists: Int
    public var catalogueLosses: Int
    public var seeds: [Int]
    /// Family-wise error rate of the verdict.
    public var level: Double

    public init(finalists: Int = 3, catalogueLosses: Int = 3, seeds: [Int] = Array(101...112), level: Double = 0.05) {
        self.finalists = finalists
        self.catalogueLosses = catalogueLosses
        self.seeds = seeds
        self.level = level
    }
}

/// One line of `events.jsonl`, and what progress displays are made of.
public enum CampaignEvent: Codable, Sendable, Equatable {
    case started(campaign: String, resumed: Bool)
    case stage(name: String, total: Int)
    case proposed(CandidateID, name: String, arm: SearchArm)
    case screened(CandidateID, accepted: Bool)
    case duplicate(CandidateID, of: String)
    case trialFinished(CandidateID, spec: TrialSpec, score: Double?, seconds: Double, reused: Bool)
    case recorded(CandidateID, status: CandidateStatus)
    case generationFinished(number: Int, evaluated: Int)
    case confirmed(Verdict)
    case finished(campaign: String, seconds: Double)
}
