/// A request to estimate memory and time of a fine-tuning.
public struct EstimateJob: Codable, Sendable {
    public struct Training: Codable, Sendable {
        public let batchSize: Int
        public let microBatchSize: Int?
        public let maxLength: Int
        public let epochs: Int

        public init(batchSize: Int, microBatchSize: Int?, maxLength: Int, epochs: Int) {
            self.batchSize = batchSize
            self.microBatchSize = microBatchSize
            self.maxLength = maxLength
            self.epochs = epochs
        }
    }

    public let version: Int
    public let id: String
    public let kind: String
    public let model: FinetuneModelInput
    public let data: DataInput
    public let training: Training
    /// Floating-point operations a second of the device that will train, where it is not this one.
    public let flops: Double?

    public init(id: String, model: FinetuneModelInput, data: DataInput, training: Training, flops: Double?) {
        version = workerProtocolVersion
        self.id = id
        kind = "estimate"
        self.model = model
        self.data = data
        self.training = training
        self.flops = flops
    }
}
