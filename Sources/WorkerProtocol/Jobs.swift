public import LabCore

/// Version of the messages below; the worker refuses another.
public let workerProtocolVersion = 1

/// A request to screen one loss.
public struct CheckJob: Codable, Sendable {
    public let version: Int
    public let id: String
    public let kind: String
    /// Text in any form that a model may emit.
    public let source: String
    public let name: String?
    /// Whether a header's `control: true` excuses a loss from having a useful gradient.
    public let allowControl: Bool
    /// The server says that the token limit ended the reply that `source` is.
    public let cutOff: Bool
    /// Code of the losses that the prompt showed.
    public let shown: [String]
    /// The prompt's text; empty where there was none.
    public let prompt: String

    public init(
        id: String, source: String, name: String?, allowControl: Bool, cutOff: Bool = false, shown: [String] = [],
        prompt: String = ""
    ) {
        version = workerProtocolVersion
        self.id = id
        kind = "check"
        self.source = source
        self.name = name
        self.allowControl = allowControl
        self.cutOff = cutOff
        self.shown = shown
        self.prompt = prompt
    }
}

/// A request to turn a loss of any form into file form with a header.
public struct ImportJob: Codable, Sendable {
    public let version: Int
    public let id: String
    public let kind: String
    public let source: String
    public let header: [String: String]

    public init(id: String, source: String, header: [String: String]) {
        version = workerProtocolVersion
        self.id = id
        kind = "import"
        self.source = source
        self.header = header
    }
}

/// A request to train a policy with a loss and to let it answer questions.
public struct TrainJob: Codable, Sendable {
    public let version: Int
    public let id: String
    public let kind: String
    /// `nil` samples the untrained policy.
    public let loss: NamedSource?
    public let beta: Double
    /// Folder in Hugging Face layout.
    public let policy: String
    public let pairs: PairsInput
    public let training: TrainingSettings
    /// Question files in MT-Bench format.
    public let questions: [String]
    public let sampling: [SamplingSettings]
    /// Answers a question at temperature 1 from which the KL divergence is estimated.
    public let klSamples: Int
    public let maxNewTokens: Int
    /// Where answers and metrics are written.
    public let output: String

    public init(
        id: String, loss: NamedSource?, beta: Double, policy: String, pairs: PairsInput, training: TrainingSettings,
        questions: [String], sampling: [SamplingSettings], klSamples: Int, maxNewTokens: Int, output: String
    ) {
        version = workerProtocolVersion
        self.id = id
        kind = "train"
        self.loss = loss
        self.beta = beta
        self.policy = policy
        self.pairs = pairs
        self.training = training
        self.questions = questions
        self.sampling = sampling
        self.klSamples = klSamples
        self.maxNewTokens = maxNewTokens
        self.output = output
    }
}

public struct NamedSource: Codable, Sendable {
    public let name: String
    /// File form.
    public let source: String

    public init(name: String, source: String) {
        self.name = name
        self.source = source
    }
}

public struct PairsInput: Codable, Sendable {
    /// JSON lines, gzip or not, in TRL's conversational layout.
    public let path: String
    /// Drawn without replacement by the training seed.
    public let count: Int

    public init(path: String, count: Int) {
        self.path = path
        self.count = count
    }
}

public struct TrainingSettings: Codable, Sendable {
    public let learningRate: Double
    public let batchSize: Int
    public let epochs: Int
    public let warmupSteps: Int
    public let maxGradientNorm: Double
    public let seed: Int
    /// Factor on all four log-probabilities before the loss; part of a world's definition.
    public let logpScale: Double

    public init(
        learningRate: Double, batchSize: Int, epochs: Int, warmupSteps: Int, maxGradientNorm: Double, seed: Int,
        logpScale: Double
    ) {
        self.learningRate = learningRate
        self.batchSize = batchSize
        self.epochs = epochs
        self.warmupSteps = warmupSteps
        self.maxGradientNorm = maxGradientNorm
        self.seed = seed
        self.logpScale = logpScale
    }
}

public struct SamplingSettings: Codable, Sendable, Equatable {
    public let name: String
    /// 0 is greedy.
    public let temperature: Double
    public let samples: Int
    /// Only for models of one's own.
    public let shape: SamplingShape?

    public init(name: String, temperature: Double, samples: Int, shape: SamplingShape? = nil) {
        self.name = name
        self.temperature = temperature
        self.samples = samples
        self.shape = shape
    }
}
