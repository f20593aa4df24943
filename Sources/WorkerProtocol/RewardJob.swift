/// A request to score answers with a reward model or a classifier.
public struct RewardJob: Codable, Sendable {
    public let version: Int
    public let id: String
    public let kind: String
    public let model: FinetuneModelInput
    /// A file in FastChat's `model_answer` layout.
    public let answers: String
    /// Question files in MT-Bench format.
    public let questions: [String]
    /// The class whose probability is the score; `nil` for a reward model.
    public let label: String?
    /// Who answered: one without a chat template continued its questions, and is graded so.
    public let policy: FinetuneModelInput?

    public init(
        id: String, model: FinetuneModelInput, answers: String, questions: [String], label: String?,
        policy: FinetuneModelInput? = nil
    ) {
        version = workerProtocolVersion
        self.id = id
        kind = "reward"
        self.model = model
        self.answers = answers
        self.questions = questions
        self.label = label
        self.policy = policy
    }
}

/// The result of a reward job; all but `problem` is absent where there is one.
public struct RewardJobResult: Codable, Sendable {
    public struct Question: Codable, Sendable {
        public let question: Int
        /// Mean over its samples and turns.
        public let score: Double
    }

    public struct Answer: Codable, Sendable {
        public let question: Int
        /// From 0, as in the answer file.
        public let sample: Int
        /// From 1.
        public let turn: Int
        public let score: Double
    }

    /// Why model or answers cannot be used, in a sentence.
    public let problem: String?
    public let perAnswer: [Answer]?
    public let perQuestion: [Question]?
}
