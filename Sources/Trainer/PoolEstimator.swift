public import WorkerProtocol

/// Estimates what a fine-tuning will need, in the pool's workers.
public struct PoolEstimator: Sendable {
    private let pool: WorkerPool

    public init(pool: WorkerPool) { self.pool = pool }

    public func estimate(_ request: FinetuneRequirements) async throws -> EstimateOutcome {
        let report = try await pool.run("estimating \(request.model.path)", within: .seconds(3600)) {
            EstimateJob(
                id: $0,
                model: request.model,
                data: request.data,
                training: EstimateJob.Training(
                    batchSize: request.batchSize, microBatchSize: request.microBatchSize,
                    maxLength: request.maxLength, epochs: request.epochs),
                flops: request.flops)
        }
        if let problem = try report.result(as: Problem.self).problem { return .unusable(problem) }
        return .estimated(try report.result(as: FinetuneEstimate.self))
    }

    private struct Problem: Decodable {
        let problem: String?
    }
}

/// A fine-tuning as far as memory and time depend on it.
public struct FinetuneRequirements: Sendable {
    public var model: FinetuneModel
    public var data: DataSource
    public var batchSize = 16
    public var microBatchSize: Int?
    public var maxLength = 1024
    public var epochs = 1
    /// Floating-point operations a second of the device that will train, where it is not this one.
    public var flops: Double?

    public init(model: FinetuneModel, data: DataSource) {
        self.model = model
        self.data = data
    }
}

public enum EstimateOutcome: Sendable {
    case estimated(FinetuneEstimate)
    case unusable(String)
}

/// Memory part by part and time, each figure with how it is known: `counted`, `measured` or `assumed`.
public struct FinetuneEstimate: Codable, Sendable {
    public struct Model: Codable, Sendable {
        public let path: String
        public let parameters: Int
        public let trained: Int
        public let computesIn: String
        public let storedBytes: Int?
        public let storedAs: [String]
    }

    public struct Pairs: Codable, Sendable {
        public let usable: Int
        public let dropped: Int
        public let truncated: Int
    }

    public struct Tokens: Codable, Sendable {
        public let perEpoch: Int
        public let trained: Int
        public let longestPair: Int
    }

    public struct Part: Codable, Sendable {
        public let part: String
        public let bytes: Int
        public let basis: String
        public let how: String
    }

    public struct Time: Codable, Sendable {
        public let seconds: Double?
        public let reference: Double?
        public let training: Double?
        public let tokensPerSecond: Double?
        public let basis: String?
        public let how: String
    }

    public let device: String
    public let model: Model
    public let pairs: Pairs
    public let tokens: Tokens
    public let steps: Int
    public let batchSize: Int
    public let microBatchSize: Int
    public let microBatchBasis: String
    public let memory: [Part]
    public let totalBytes: Int
    public let freeBytes: Int?
    public let time: Time
}
