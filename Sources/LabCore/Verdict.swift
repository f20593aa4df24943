/// How a campaign ends.
public enum Verdict: String, Codable, Sendable {
    /// A finalist beats every confirmed catalogue loss, and DPO, beyond chance.
    case discovery
    /// A finalist beats DPO beyond chance, but not the best tuned catalogue loss.
    case beatsDPOOnly = "beats DPO only"
    /// No finalist beats even DPO beyond chance: a good result, honestly told.
    case noDiscovery = "no discovery"
}

/// A finalist against one catalogue loss: the same fresh seeds, pairs and held-out questions.
public struct PairedComparison: Codable, Sendable, Equatable {
    public let candidate: String
    public let against: String
    public let world: String
    public let difference: Estimate
    public let greedyDifference: Estimate?
    /// One-sided, before and after Holm's correction over all finalists and comparisons of the verdict.
    public let pValue: Double
    public let adjustedPValue: Double

    public init(
        candidate: String, against: String, world: String, difference: Estimate, greedyDifference: Estimate?,
        pValue: Double, adjustedPValue: Double
    ) {
        self.candidate = candidate
        self.against = against
        self.world = world
        self.difference = difference
        self.greedyDifference = greedyDifference
        self.pValue = pValue
        self.adjustedPValue = adjustedPValue
    }
}

/// One loss retrained with fresh seeds on fresh pairs and graded on held-out questions.
public struct ConfirmedScore: Codable, Sendable, Equatable {
    public let name: String
    public let world: String
    public let setting: Setting
    public let searchScore: Estimate?
    public let score: Estimate
    public let greedy: Estimate
    public let kl: Double?
    public let table: [[Double]]
    public let greedyTable: [[Double]]
    public let seeds: [Int]

    public init(
        name: String, world: String, setting: Setting, searchScore: Estimate?, score: Estimate, greedy: Estimate,
        kl: Double?, table: [[Double]], greedyTable: [[Double]], seeds: [Int]
    ) {
        self.name = name
        self.world = world
        self.setting = setting
        self.searchScore = searchScore
        self.score = score
        self.greedy = greedy
        self.kl = kl
        self.table = table
        self.greedyTable = greedyTable
        self.seeds = seeds
    }

    /// What was lost between search and confirmation: the winner's curse, measured.
    public var shrinkage: Double? { searchScore.map { $0.mean - score.mean } }
}

/// The whole confirmation of a campaign.
public struct Confirmation: Codable, Sendable, Equatable {
    public let verdict: Verdict
    /// The finalist the verdict is about, when there is one.
    public let winner: String?
    public let scores: [ConfirmedScore]
    public let comparisons: [PairedComparison]
    /// Plain sentences: the verdict, the shrinkage, the transfer.
    public let summary: [String]

    public init(
        verdict: Verdict, winner: String?, scores: [ConfirmedScore], comparisons: [PairedComparison], summary: [String]
    ) {
        self.verdict = verdict
        self.winner = winner
        self.scores = scores
        self.comparisons = comparisons
        self.summary = summary
    }
}
