/// A world of the embedded benchmark: a policy to start from, preference pairs, questions and their rubric.
public struct WorldDescription: Codable, Sendable, Equatable {
    public let name: String
    public let title: String
    public let summary: String
    /// Absolute folder of the starting policy in Hugging Face layout.
    public let policy: String
    /// Absolute path of each question file, MT-Bench format.
    public let questions: [QuestionSet: String]
    public let questionCounts: [QuestionSet: Int]
    /// Absolute path of the rubric of all questions.
    public let rubric: String
    /// Absolute path of each of the two disjoint pools of preference pairs.
    public let pairs: [PairPool: String]
    /// The learning rates and betas at which every loss is tried.
    public let grid: SettingGrid
    public let training: WorldTraining
    public let sampling: WorldSampling
    public let vocabularySize: Int
    /// SHA-256 of each file that a score depends on, by path relative to the world's folder.
    public let files: [String: String]
    /// Whether its files are its user's own to change: they are taken as they are, not held to `files`.
    public let isOwn: Bool

    public init(
        name: String, title: String, summary: String, policy: String, questions: [QuestionSet: String],
        questionCounts: [QuestionSet: Int], rubric: String, pairs: [PairPool: String], grid: SettingGrid,
        training: WorldTraining, sampling: WorldSampling, vocabularySize: Int, files: [String: String],
        isOwn: Bool = false
    ) {
        self.name = name
        self.title = title
        self.summary = summary
        self.policy = policy
        self.questions = questions
        self.questionCounts = questionCounts
        self.rubric = rubric
        self.pairs = pairs
        self.grid = grid
        self.training = training
        self.sampling = sampling
        self.vocabularySize = vocabularySize
        self.files = files
        self.isOwn = isOwn
    }
}

/// What is the same in every training of a world; learning rate, beta and seed come from the trial.
public struct WorldTraining: Codable, Sendable, Equatable {
    public let batchSize: Int
    public let warmupSteps: Int
    public let maxGradientNorm: Double
    /// Factor on all four log-probabilities before the loss.
    public let logpScale: Double

    public init(batchSize: Int = 16, warmupSteps: Int = 10, maxGradientNorm: Double = 1, logpScale: Double = 1) {
        self.batchSize = batchSize
        self.warmupSteps = warmupSteps
        self.maxGradientNorm = maxGradientNorm
        self.logpScale = logpScale
    }
}

/// How answers are sampled for the score.
public struct WorldSampling: Codable, Sendable, Equatable {
    public let temperature: Double
    /// Answers a question at that temperature; one greedy answer is always added.
    public let samples: Int
    public let maxNewTokens: Int
    /// Answers a question at temperature 1 for the KL estimate.
    public let klSamples: Int

    public init(temperature: Double = 0.7, samples: Int = 4, maxNewTokens: Int, klSamples: Int = 1) {
        self.temperature = temperature
        self.samples = samples
        self.maxNewTokens = maxNewTokens
        self.klSamples = klSamples
    }
}
