public import WorkerProtocol

/// What trainings have in common: model, data and everything but loss, beta, learning rate and seed.
public struct FinetuneRequest: Sendable, Equatable {
    public let model: FinetuneModel
    public let data: DataSource
    /// `nil` holds back `heldOutShare` of the source's prompts.
    public let heldOut: DataSource?
    public let heldOutShare: Double?
    /// `nil` trains on every pair that is not held back.
    public var draw: PairDraw?
    /// Pairs that the loss sees at once and a step is made of.
    public let batchSize: Int
    public let microBatchSize: Int?
    public var epochs: Int
    public let maxSteps: Int?
    public let schedule: String?
    /// Factor on all four log-probabilities before the loss.
    public let logpScale: Double
    public let maxLength: Int?
    public let maxPromptLength: Int?
    /// Question files in MT-Bench format.
    public var questions: [String]
    public let sampling: [SamplingSettings]
    public let maxNewTokens: Int
    /// Answers a question for the KL estimate.
    public let klSamples: Int
    /// `losslab` or `trl`.
    public let trainer: String

    public init(
        model: FinetuneModel, data: DataSource, heldOut: DataSource? = nil, heldOutShare: Double? = nil,
        draw: PairDraw? = nil, batchSize: Int = 16, microBatchSize: Int? = nil, epochs: Int = 1, maxSteps: Int? = nil,
        schedule: String? = nil, logpScale: Double = 1, maxLength: Int? = nil, maxPromptLength: Int? = nil,
        questions: [String] = [],
        sampling: [SamplingSettings] = [], maxNewTokens: Int = 512, klSamples: Int = 1, trainer: String = "losslab"
    ) {
        self.model = model
        self.data = data
        self.heldOut = heldOut
        self.heldOutShare = heldOutShare
        self.draw = draw
        self.batchSize = batchSize
        self.microBatchSize = microBatchSize
        self.epochs = epochs
        self.maxSteps = maxSteps
        self.schedule = schedule
        self.logpScale = logpScale
        self.maxLength = maxLength
        self.maxPromptLength = maxPromptLength
        self.questions = questions
        self.sampling = sampling
        self.maxNewTokens = maxNewTokens
        self.klSamples = klSamples
        self.trainer = trainer
    }

    public func replacingPaths(_ new: (String) throws -> String) rethrows -> FinetuneRequest {
        func moved(_ source: DataSource) throws -> DataSource {
            try DataSource(
                path: new(source.path), config: source.config, split: source.split, revision: source.revision,
                columns: source.columns, layout: source.layout, limit: source.limit)
        }
        let ownModel = try FinetuneModel(
            path: new(model.path), revision: model.revision, dtype: model.dtype, device: model.device,
            loraRank: model.adapter?.rank, quantization: model.quantization,
            gradientCheckpointing: model.gradientCheckpointing, chatTemplate: model.chatTemplate.map(new),
            acceptTemplate: model.acceptTemplate)
        return try FinetuneRequest(
            model: ownModel, data: moved(data), heldOut: heldOut.map(moved), heldOutShare: heldOutShare,
            draw: draw, batchSize: batchSize, microBatchSize: microBatchSize, epochs: epochs, maxSteps: maxSteps,
            schedule: schedule, logpScale: logpScale, maxLength: maxLength, maxPromptLength: maxPromptLength,
            questions: questions.map(new),
            sampling: sampling, maxNewTokens: maxNewTokens, klSamples: klSamples, trainer: trainer)
    }
}

extension FinetuneRequest {
    /// One way of sampling answers, by the name under which they come back.
    public typealias Sampling = SamplingSettings
}

/// A causal language model and how it is loaded.
public typealias FinetuneModel = FinetuneModelInput
