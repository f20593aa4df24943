public import WorkerProtocol

/// Makes preference pairs in the pool's workers: a policy answers, a reward model or a classifier grades.
public struct PoolLabeller: Sendable {
    private let pool: WorkerPool

    public init(pool: WorkerPool) { self.pool = pool }

    /// Writes the pairs, and the held-out prompts where some are wanted.
    public func label(_ request: LabelRequest) async throws -> LabelOutcome {
        // Sampling for a large set takes days on a small machine.
        let report = try await pool.run("labelling answers of \(request.model.path)", within: .seconds(14 * 86_400)) {
            LabelJob(
                id: $0, model: request.model, judge: request.judge, label: request.label, prompts: request.prompts,
                column: request.column, promptTokens: request.promptTokens, count: request.count,
                heldOut: request.heldOut, questions: request.questions, plain: request.plain,
                samples: request.samples, temperature: request.temperature, maxNewTokens: request.maxNewTokens,
                pairing: request.pairing, tieMargin: request.tieMargin, answerOnly: request.answerOnly,
                seed: request.seed, output: request.output)
        }
        if let problem = try report.result(as: Problem.self).problem { return .unusable(problem) }
        return .labelled(try report.result(as: LabelledPairs.self))
    }

    private struct Problem: Decodable {
        let problem: String?
    }
}

/// Which prompts are answered by what, who grades the answers, and how pairs come of them; units as in `LabelJob`.
public struct LabelRequest: Sendable {
    public let model: FinetuneModel
    /// Folder or Hub id of a sequence-classification model.
    public let judge: String
    /// The class whose probability is the score; `nil` for a reward model.
    public let label: String?
    public let prompts: DataSource
    public var column: String?
    /// Tokens of the beginning that each text is cut to.
    public var promptTokens: ClosedRange<Int>?
    /// Prompts to label; `nil` for all.
    public var count: Int?
    public var heldOut = 0
    public var questions: String?
    public var plain = false
    /// Answers a prompt.
    public var samples = 4
    public var temperature = 1.0
    public var maxNewTokens = 64
    /// `best-worst` or `all`.
    public var pairing = "best-worst"
    public var tieMargin = 0.0
    public var answerOnly = false
    public var seed = 1
    /// Absolute path of the pairs.
    public let output: String

    public init(model: FinetuneModel, judge: String, label: String?, prompts: DataSource, output: String) {
        self.model = model
        self.judge = judge
        self.label = label
        self.prompts = prompts
        self.output = output
    }
}

public enum LabelOutcome: Sendable {
    case labelled(LabelledPairs)
    /// Prompts, policy or judge cannot be used; why, in a sentence.
    case unusable(String)
}

/// What came of labelling; the pairs themselves are in the file.
public struct LabelledPairs: Codable, Sendable {
    public struct Mean: Codable, Sendable {
        public let value: Double
        public let standardError: Double?
        public let count: Int
    }

    /// Prompts answered.
    public let prompts: Int
    /// Prompts that became questions.
    public let heldOut: Int
    /// Rows of the source that were not used, by reason: `duplicate`, `empty`, `left-out`, `malformed`, `odd-turns`,
    /// `too-long`, `too-short`.
    public let dropped: [String: Int]
    public let answers: Int
    /// Answers that did not end before the longest length.
    public let cutAnswers: Int
    /// Answers without text, which are in no pair.
    public let emptyAnswers: Int
    public let pairs: Int
    /// What would be a pair, were the scores not too close.
    public let ties: Int
    /// The same for two answers with the same text.
    public let identical: Int
    /// Of the policy's answers, over prompts.
    public let score: Mean
    /// Of the pairs' two scores.
    public let margin: Mean?
    /// What a score is: `reward`, or `probability of LABEL`.
    public let unit: String
    /// As `losslab data inspect` calls it.
    public let layout: String
    /// Columns that are not used, and those that became a part of the prompt.
    public let notes: [String]
    public let device: String
    public let seconds: Double
}
