public import WorkerProtocol

/// Reads preference pairs in the pool's workers and says what they are.
public struct PoolInspector: Sendable {
    private let pool: WorkerPool

    public init(pool: WorkerPool) { self.pool = pool }

    /// - Returns: what was found, or one sentence on why the source as a whole cannot be used.
    public func inspect(_ request: InspectRequest) async throws -> InspectOutcome {
        // Long enough for a large set from the Hub.
        let report = try await pool.run("inspecting \(request.data.path)", within: .seconds(3600)) {
            InspectJob(
                id: $0, data: request.data, tokenizer: request.tokenizer,
                compare: request.against, samples: request.samples, show: request.show,
                maxLength: request.maxLength, chatTemplate: request.chatTemplate, acceptTemplate: request.acceptTemplate
            )
        }
        if let problem = try report.result(as: Problem.self).problem { return .unusable(problem) }
        return .inspected(try report.result(as: DataInspection.self))
    }

    private struct Problem: Decodable {
        let problem: String?
    }
}

public struct InspectRequest: Sendable {
    public let data: DataSource
    /// Sets in which the prompts are looked for.
    public let against: [DataSource]
    /// A model's folder or Hub id; `nil` counts no tokens.
    public let tokenizer: String?
    /// Tokens of prompt and answer together; `nil` cuts nothing.
    public let maxLength: Int?
    /// A name, a file or Jinja text; `nil` takes the tokenizer's own.
    public let chatTemplate: String?
    public let acceptTemplate: Bool
    public let samples: Int
    /// Rows to show as they are trained; they need a tokenizer.
    public let show: Int

    public init(
        data: DataSource, against: [DataSource] = [], tokenizer: String? = nil, maxLength: Int? = nil,
        chatTemplate: String? = nil, acceptTemplate: Bool = false, samples: Int = 3, show: Int = 0
    ) {
        self.data = data
        self.against = against
        self.tokenizer = tokenizer
        self.maxLength = maxLength
        self.chatTemplate = chatTemplate
        self.acceptTemplate = acceptTemplate
        self.samples = samples
        self.show = show
    }
}

public enum InspectOutcome: Sendable {
    case inspected(DataInspection)
    case unusable(String)
}

/// Preference pairs in a file, a folder or a data set of the Hugging Face Hub.
public typealias DataSource = DataInput
