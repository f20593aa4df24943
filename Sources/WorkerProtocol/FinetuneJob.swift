public import LabCore

/// A request to train a real model with a loss on real pairs, to measure it on held-out pairs and to let it answer.
public struct FinetuneJob: Codable, Sendable {
    public let version: Int
    public let id: String
    public let kind: String
    /// `nil` measures and samples the untrained model.
    public let loss: NamedSource?
    public let beta: Double
    public let model: FinetuneModelInput
    public let data: FinetuneDataInput
    public let training: FinetuneSettings
    /// Question files in MT-Bench format.
    public let questions: [String]
    public let sampling: [SamplingSettings]
    public let maxNewTokens: Int
    /// Answers a question at temperature 1 from which the KL divergence is estimated; 0 takes the held-out completions.
    public let klSamples: Int
    /// Folder for what the training leaves: a line a held-out pair, answers, weights.
    public let output: String
    /// Whether the trained weights are kept in the output folder.
    public let save: Bool
    /// `losslab`, or `trl` for TRL's trainer behind the same protocol.
    public let trainer: String
    /// Experiment trackers by name: `tensorboard`, `wandb`, `wandb-offline`, `mlflow`.
    public let trackers: [String]
    /// Where they write; `nil` for the output folder.
    public let trackersOutput: String?

    public init(
        id: String, loss: NamedSource?, beta: Double, model: FinetuneModelInput, data: FinetuneDataInput,
        training: FinetuneSettings, questions: [String], sampling: [SamplingSettings], maxNewTokens: Int,
        klSamples: Int, output: String, save: Bool, trainer: String, trackers: [String] = [],
        trackersOutput: String? = nil
    ) {
        version = workerProtocolVersion
        self.id = id
        kind = "finetune"
        self.loss = loss
        self.beta = beta
        self.model = model
        self.data = data
        self.training = training
        self.questions = questions
        self.sampling = sampling
        self.maxNewTokens = maxNewTokens
        self.klSamples = klSamples
        self.output = output
        self.save = save
        self.trainer = trainer
        self.trackers = trackers
        self.trackersOutput = trackersOutput
    }
}

/// A causal language model and how it is loaded; what is `nil` is left to the worker.
public struct FinetuneModelInput: Codable, Sendable, Equatable {
    public struct Adapter: Codable, Sendable, Equatable {
        public let rank: Int
    }

    /// A folder in Hugging Face layout, or a Hub id.
    public let path: String
    public let revision: String?
    /// `auto`, `float32`, `bfloat16` or `float16`.
    public let dtype: String?
    /// `auto`, `cpu` or `cuda`.
    public let device: String?
    /// LoRA; `nil` trains every weight.
    public let adapter: Adapter?
    /// `4bit` or `8bit`.
    public let quantization: String?
    public let gradientCheckpointing: Bool
    /// A name, a file or Jinja text; `nil` takes the tokenizer's own.
    public let chatTemplate: String?
    public let acceptTemplate: Bool

    public init(
        path: String, revision: String? = nil, dtype: String? = nil, device: String? = nil, loraRank: Int? = nil,
        quantization: String? = nil, gradientCheckpointing: Bool = false, chatTemplate: String? = nil,
        acceptTemplate: Bool = false
    ) {
        self.path = path
        self.revision = revision
        self.dtype = dtype
        self.device = device
        adapter = loraRank.map(Adapter.init)
        self.quantization = quantization
        self.gradientCheckpointing = gradientCheckpointing
        self.chatTemplate = chatTemplate
        self.acceptTemplate = acceptTemplate
    }
}

public struct FinetuneDataInput: Codable, Sendable, Equatable {
    public let train: DataInput
    /// `nil` holds back a share of the training source's prompts.
    public let heldOut: DataInput?
    public let heldOutShare: Double?
    /// `nil` trains on every pair that is not held back.
    public let draw: PairDraw?

    public init(train: DataInput, heldOut: DataInput?, heldOutShare: Double?, draw: PairDraw? = nil) {
        self.train = train
        self.heldOut = heldOut
        self.heldOutShare = heldOutShare
        self.draw = draw
    }
}

/// Which pairs a campaign's trial trains on: a number of them from one of two sides that share no prompt.
public struct PairDraw: Codable, Sendable, Equatable {
    public let side: PairPool
    /// Of the prompts, between 0 and 1.
    public let confirmationShare: Double
    /// All pairs of the side where it has fewer.
    public let count: Int
    public let seed: Int

    public init(side: PairPool, confirmationShare: Double, count: Int, seed: Int) {
        self.side = side
        self.confirmationShare = confirmationShare
        self.count = count
        self.seed = seed
    }
}

/// What is `nil` is left to the worker.
public struct FinetuneSettings: Codable, Sendable, Equatable {
    public var learningRate: Double
    public var batchSize: Int
    /// Pairs held in memory at once; `nil` takes what fits.
    public var microBatchSize: Int?
    public var epochs: Int
    public var maxSteps: Int?
    public var warmupRatio: Double?
    /// `cosine`, `linear` or `constant`.
    public var schedule: String?
    public var seed: Int
    /// Factor on all four log-probabilities before the loss.
    public var logpScale: Double
    /// Tokens of prompt and answer together.
    public var maxLength: Int?
    public var maxPromptLength: Int?

    public init(
        learningRate: Double, batchSize: Int = 16, microBatchSize: Int? = nil, epochs: Int = 1, maxSteps: Int? = nil,
        warmupRatio: Double? = nil, schedule: String? = nil, seed: Int, logpScale: Double = 1,
        maxLength: Int? = nil, maxPromptLength: Int? = nil
    ) {
        self.learningRate = learningRate
        self.batchSize = batchSize
        self.microBatchSize = microBatchSize
        self.epochs = epochs
        self.maxSteps = maxSteps
        self.warmupRatio = warmupRatio
        self.schedule = schedule
        self.seed = seed
        self.logpScale = logpScale
        self.maxLength = maxLength
        self.maxPromptLength = maxPromptLength
    }
}

/// The result of a finetune job; all but `problem` is absent where there is one.
public struct FinetuneJobResult: Codable, Sendable {
    public struct Mean: Codable, Sendable {
        public let value: Double
        public let standardError: Double?
    }

    public struct HeldOut: Codable, Sendable {
        public let pairs: Int
        /// Tokens an answer, against the untrained model's.
        public let lengthChange: Mean?
        /// File in the output folder with one line a pair.
        public let perPair: String
    }

    public struct Data: Codable, Sendable {
        /// Pairs trained on.
        public let usable: Int
        public let unusable: Int
        public let truncated: Int
    }

    /// Why model, data or settings cannot be used, in a sentence.
    public let problem: String?
    public let metrics: [String: Double]?
    public let steps: Int?
    public let heldOut: HeldOut?
    /// Over the policy's own answers; `nil` where none were sampled for it.
    public let kl: Mean?
    /// Files in the output folder by sampling name.
    public let answers: [String: String]?
    public let tokensPerSecond: Double?
    public let seconds: [String: Double]?
    public let weights: String?
    public let weightsHash: String?
    public let data: Data?
    public let device: String?
    public let dtype: String?
    public let sandbox: SandboxLayers?
    public let notes: [String]?
}
