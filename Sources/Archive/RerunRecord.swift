public import LabCore

/// Losses trained on a data set of the user's own: `runs/reruns/ID/rerun.json`, the evidence for the archive's rows.
public struct RerunRecord: Codable, Sendable, Equatable {
    public static let currentLayout = 1

    public let layout: Int
    /// Its folder's name; the same request made again has the same.
    public let id: String
    /// ISO 8601, UTC.
    public let at: String
    /// File, folder or Hub id of the pairs trained on; the name of a world where it was run in one.
    public let dataset: String
    /// Of the held-out pairs; `nil` where a share of the prompts was held back.
    public let heldOut: String?
    public let model: String
    /// What else was asked for, by option.
    public let options: [String: String]
    public let grid: SettingGrid
    public let seeds: [Int]
    /// Name of the loss that the others are compared with.
    public let against: String
    public let pairs: RerunPairs
    /// What the KL column is an estimate of.
    public let klOf: String
    /// What says nothing about a loss, scored on the same pairs.
    public let baselines: [RerunBaseline]
    public let losses: [RerunScore]
    /// Every setting tried, where the policies answered questions; `nil` without, and in older records.
    public let frontier: Frontier?
    public let versions: [String: String]
    public let device: String?
    /// What the trainer had to remark.
    public let notes: [String]

    public init(
        id: String, at: String, dataset: String, heldOut: String?, model: String, options: [String: String],
        grid: SettingGrid, seeds: [Int], against: String, pairs: RerunPairs, klOf: String, baselines: [RerunBaseline],
        losses: [RerunScore], frontier: Frontier? = nil, versions: [String: String], device: String?, notes: [String]
    ) {
        layout = Self.currentLayout
        self.id = id
        self.at = at
        self.dataset = dataset
        self.heldOut = heldOut
        self.model = model
        self.options = options
        self.grid = grid
        self.seeds = seeds
        self.against = against
        self.pairs = pairs
        self.klOf = klOf
        self.baselines = baselines
        self.losses = losses
        self.frontier = frontier
        self.versions = versions
        self.device = device
        self.notes = notes
    }

    /// As two equal reruns on two machines would both have it.
    var canonical: RerunRecord {
        RerunRecord(
            id: id, at: "", dataset: dataset, heldOut: heldOut, model: model, options: options, grid: grid,
            seeds: seeds, against: against, pairs: pairs, klOf: klOf, baselines: baselines, losses: losses,
            frontier: frontier, versions: [:], device: nil, notes: notes)
    }
}

/// How many pairs a rerun had for what.
public struct RerunPairs: Codable, Sendable, Equatable {
    /// Trained on, in every training.
    public let training: Int
    /// Rows of the training source that could not be used.
    public let unusable: Int
    /// Training pairs of which something was cut.
    public let truncated: Int
    /// Held-out pairs on which settings were chosen; 0 where there was one setting.
    public let choosing: Int
    /// Held-out pairs on which every figure of the report was measured; no prompt is in both.
    public let scoring: Int
    /// Different prompts among those.
    public let prompts: Int

    public init(training: Int, unusable: Int, truncated: Int, choosing: Int, scoring: Int, prompts: Int) {
        self.training = training
        self.unusable = unusable
        self.truncated = truncated
        self.choosing = choosing
        self.scoring = scoring
        self.prompts = prompts
    }
}

/// The accuracy of something that was not trained.
public struct RerunBaseline: Codable, Sendable, Equatable {
    public let name: String
    public let accuracy: Estimate

    public init(name: String, accuracy: Estimate) {
        self.name = name
        self.accuracy = accuracy
    }
}

/// One loss in a rerun: what it came to at its own best setting, and where it broke.
public struct RerunScore: Codable, Sendable, Equatable {
    public let name: String
    /// SHA-256 of the loss in file form.
    public let textHash: String
    public let control: Bool
    /// Where the archive has the loss from, when it was named by its place there.
    public let campaign: String?
    public let candidate: CandidateID?
    /// `nil` when no setting lasted for every seed.
    public let setting: Setting?
    public let onGridEdge: Bool?
    /// Trainings made or reused, at all settings.
    public let trainings: Int
    /// By name; errors count seeds and prompts both.
    public let metrics: [String: Estimate]
    /// Of the same metrics to the loss compared with: the same seeds, the same pairs.
    public let differences: [String: Estimate]
    /// Two-sided, of the accuracy's difference, with Holm's correction over the losses compared.
    public let pValue: Double?
    /// Accuracy less that of judging by length alone, pair by pair.
    public let overLength: Estimate?
    /// In the order of the seeds.
    public let seedAccuracies: [Double]
    public let breaks: [RerunBreak]
    /// The archive's score of the loss, before this rerun.
    public let before: EarlierScore?
    /// Why there are no figures.
    public let problem: String?

    public init(
        name: String, textHash: String, control: Bool, campaign: String?, candidate: CandidateID?, setting: Setting?,
        onGridEdge: Bool?, trainings: Int, metrics: [String: Estimate], differences: [String: Estimate],
        pValue: Double?, overLength: Estimate?, seedAccuracies: [Double], breaks: [RerunBreak], before: EarlierScore?,
        problem: String?
    ) {
        self.name = name
        self.textHash = textHash
        self.control = control
        self.campaign = campaign
        self.candidate = candidate
        self.setting = setting
        self.onGridEdge = onGridEdge
        self.trainings = trainings
        self.metrics = metrics
        self.differences = differences
        self.pValue = pValue
        self.overLength = overLength
        self.seedAccuracies = seedAccuracies
        self.breaks = breaks
        self.before = before
        self.problem = problem
    }
}

/// A training that a loss did not survive.
public struct RerunBreak: Codable, Sendable, Equatable {
    public let setting: Setting
    public let seed: Int
    public let rejection: Rejection

    public init(setting: Setting, seed: Int, rejection: Rejection) {
        self.setting = setting
        self.seed = seed
        self.rejection = rejection
    }
}

/// A loss's judge score in a campaign.
public struct EarlierScore: Codable, Sendable, Equatable {
    public let campaign: String
    public let world: String?
    /// 1 to 10.
    public let score: Double
    public let standardError: Double?
    public let differenceFromDPO: Double?
    public let differenceFromDPOStandardError: Double?

    public init(
        campaign: String, world: String?, score: Double, standardError: Double?, differenceFromDPO: Double?,
        differenceFromDPOStandardError: Double?
    ) {
        self.campaign = campaign
        self.world = world
        self.score = score
        self.standardError = standardError
        self.differenceFromDPO = differenceFromDPO
        self.differenceFromDPOStandardError = differenceFromDPOStandardError
    }
}
