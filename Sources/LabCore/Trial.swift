/// How expensive a trial is.
public enum Fidelity: String, Codable, Sendable, CaseIterable, Comparable {
    case smoke
    case proxy
    case full
    /// Fresh seeds, the confirmation pool of pairs and the held-out questions.
    case confirmation

    public static func < (left: Fidelity, right: Fidelity) -> Bool { left.rank < right.rank }

    private var rank: Int {
        switch self {
        case .smoke: 0
        case .proxy: 1
        case .full: 2
        case .confirmation: 3
        }
    }
}

/// What is tuned for every loss alike: one point of the learning-rate and beta grid.
public struct Setting: Codable, Hashable, Sendable, CustomStringConvertible {
    public let learningRate: Double
    public let beta: Double

    public init(learningRate: Double, beta: Double) {
        self.learningRate = learningRate
        self.beta = beta
    }

    public var description: String { "lr \(learningRate) beta \(beta)" }
}

/// The learning rates and betas at which every loss, catalogue and candidate alike, is tried.
public struct SettingGrid: Codable, Hashable, Sendable {
    public let learningRates: [Double]
    public let betas: [Double]

    public init(learningRates: [Double], betas: [Double]) {
        self.learningRates = learningRates
        self.betas = betas
    }

    /// All points, learning rate outermost.
    public var settings: [Setting] {
        learningRates.flatMap { rate in betas.map { Setting(learningRate: rate, beta: $0) } }
    }
}

/// Which of a world's two disjoint pools of preference pairs a trial trains on.
public enum PairPool: String, Codable, Sendable {
    case search
    case confirmation
}

/// Which of a world's question sets a trial answers.
public enum QuestionSet: String, Codable, Sendable {
    case search
    case heldOut
}

/// One training to be done: everything but the loss itself.
public struct TrialSpec: Codable, Hashable, Sendable {
    public let world: String
    public let fidelity: Fidelity
    public let setting: Setting
    public let seed: Int
    public let pairPool: PairPool
    public let questionSet: QuestionSet
    /// Preference pairs drawn from the pool by the seed.
    public let pairCount: Int
    public let epochs: Int

    public init(
        world: String, fidelity: Fidelity, setting: Setting, seed: Int, pairPool: PairPool = .search,
        questionSet: QuestionSet = .search, pairCount: Int = 1024, epochs: Int = 1
    ) {
        self.world = world
        self.fidelity = fidelity
        self.setting = setting
        self.seed = seed
        self.pairPool = pairPool
        self.questionSet = questionSet
        self.pairCount = pairCount
        self.epochs = epochs
    }

    /// Folder name of the trial within its candidate: unique for equal loss and campaign.
    public var slug: String {
        let rate = String(setting.learningRate)
        return "\(fidelity.rawValue)-\(world)-lr\(rate)-b\(setting.beta)-s\(seed)"
    }
}

/// One answer set: what a policy said to one question, once per sample.
public struct Answer: Codable, Sendable, Equatable {
    public let questionID: Int
    /// `samples[i][t]` is sample i's answer at turn t.
    public let samples: [[String]]

    public init(questionID: Int, samples: [[String]]) {
        self.questionID = questionID
        self.samples = samples
    }
}

/// What one training came to.
public struct TrainingReport: Codable, Sendable, Equatable {
    /// Final metrics under TRL's names.
    public let metrics: [String: Double]
    /// KL divergence of the policy from the reference on its own answers, nats an answer.
    public let kl: Estimate?
    /// Answers by decoding name: `sampled` (the world's default temperature) and `greedy`.
    public let answers: [String: [Answer]]
    public let steps: Int
    public let seconds: [String: Double]
    /// SHA-256 of the trained weights: same seed and machine, same weights.
    public let weightsHash: String?
    /// The sandbox layers under which the loss ran.
    public let sandboxLayers: [String]

    public init(
        metrics: [String: Double], kl: Estimate?, answers: [String: [Answer]], steps: Int,
        seconds: [String: Double], weightsHash: String?, sandboxLayers: [String]
    ) {
        self.metrics = metrics
        self.kl = kl
        self.answers = answers
        self.steps = steps
        self.seconds = seconds
        self.weightsHash = weightsHash
        self.sandboxLayers = sandboxLayers
    }
}

/// A training ends with a report, or with a loss that showed itself unusable.
public enum TrainingOutcome: Codable, Sendable, Equatable {
    case trained(TrainingReport)
    case rejected(Rejection)
}

/// A trial's result, small enough to keep for thousands of trials.
public struct TrialResult: Sendable, Equatable {
    public let spec: TrialSpec
    /// Mean judge score per question (over turns and samples), in the order of the question file.
    public let questionScores: [Double]
    /// The same for greedy answers.
    public let greedyScores: [Double]
    public let kl: Double?
    public let metrics: [String: Double]
    public let seconds: Double
    public let weightsHash: String?

    public init(
        spec: TrialSpec, questionScores: [Double], greedyScores: [Double], kl: Double?,
        metrics: [String: Double], seconds: Double, weightsHash: String?
    ) {
        self.spec = spec
        self.questionScores = questionScores
        self.greedyScores = greedyScores
        self.kl = kl
        self.metrics = metrics
        self.seconds = seconds
        self.weightsHash = weightsHash
    }

    /// Mean judge score, 1-10.
    public var score: Double { questionScores.reduce(0, +) / Double(max(questionScores.count, 1)) }
    public var greedyScore: Double { greedyScores.reduce(0, +) / Double(max(greedyScores.count, 1)) }
}

/// The scores may be packed, see `NumberPacking`.
extension TrialResult: Codable {
    private enum CodingKeys: CodingKey { case spec, questionScores, greedyScores, kl, metrics, seconds, weightsHash }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            spec: try container.decode(TrialSpec.self, forKey: .spec),
            questionScores: try container.decodeNumbers(forKey: .questionScores),
            greedyScores: try container.decodeNumbers(forKey: .greedyScores),
            kl: try container.decodeIfPresent(Double.self, forKey: .kl),
            metrics: try container.decode([String: Double].self, forKey: .metrics),
            seconds: try container.decode(Double.self, forKey: .seconds),
            weightsHash: try container.decodeIfPresent(String.self, forKey: .weightsHash))
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        let packed = encoder.packs(.scores)
        try container.encode(spec, forKey: .spec)
        try container.encode(numbers: questionScores, forKey: .questionScores, packed: packed)
        try container.encode(numbers: greedyScores, forKey: .greedyScores, packed: packed)
        try container.encodeIfPresent(kl, forKey: .kl)
        try container.encode(metrics, forKey: .metrics)
        try container.encode(seconds, forKey: .seconds)
        try container.encodeIfPresent(weightsHash, forKey: .weightsHash)
    }
}

/// A trial is scored, or its loss is rejected in it.
public enum TrialOutcome: Codable, Sendable, Equatable {
    case scored(TrialResult)
    case rejected(Rejection)
}
