/// A request to estimate memory and time of a fine-tuning.
public struct EstimateJob: Codable, Sendable {
    public struct Model: Codable, Sendable {
        public struct Adapter: Codable, Sendable {
            public let rank: Int

            public init(rank: Int) { self.rank = rank }
        }

        public let path: String
        public let dtype: String
        public let device: String
        public let adapter: Adapter?
        public let quantization: String?
        public let gradientCheckpointing: Bool
        public let chatTemplate: String?
        public let acceptTemplate: Bool

        public init(
            path: String, dtype: String, device: String, adapter: Adapter?, quantization: String?,
            gradientCheckpointing: Bool, chatTemplate: String?, acceptTemplate: Bool
        ) {
            self.path = path
            self.dtype = dtype
            self.device = device
            self.adapter = adapter
            self.quantization = quantization
            self.gradientCheckpointing = gradientCheckpointing
            self.chatTemplate = chatTemplate
            self.acceptTemplate = acceptTemplate
        }
    }

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
    public let model: Model
    public let data: DataInput
    public let training: Training
    /// Floating-point operations a second of the device that will train, where it is not this one.
    public let flops: Double?

    public init(id: String, model: Model, data: DataInput, training: Training, flops: Double?) {
        version = workerProtocolVersion
        self.id = id
        kind = "estimate"
        self.model = model
        self.data = data
        self.training = training
        self.flops = flops
    }
}
