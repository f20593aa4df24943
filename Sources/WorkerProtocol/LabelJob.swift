/// A request to make preference pairs: a policy answers prompts several times, a model grades its answers.
public struct LabelJob: Codable, Sendable {
    public let version: Int
    public let id: String
    public let kind: String
    public let model: FinetuneModelInput
    /// Folder or Hub id of a sequence-classification model.
    public let judge: String
    /// The class whose probability is the score; `nil` for a reward model.
    public let label: String?
    public let prompts: DataInput
    /// Of the prompts; `nil` takes the one that is called as prompts are.
    public let column: String?
    /// Least and most tokens of the beginning that each text is cut to, drawn by the seed; `nil` cuts nothing.
    public let promptTokens: [Int]?
    /// Prompts to label, drawn by the seed; `nil` for all.
    public let count: Int?
    /// Prompts that are not labelled but become questions.
    public let heldOut: Int
    /// Absolute path of the question file; `nil` only where nothing is held out.
    public let questions: String?
    /// Whether prompts are continued as they stand, whatever chat template the model has.
    public let plain: Bool
    /// Answers a prompt.
    public let samples: Int
    public let temperature: Double
    public let maxNewTokens: Int
    /// `best-worst` makes one pair a prompt, `all` one of every two answers.
    public let pairing: String
    /// Scores no farther apart than this are a tie.
    public let tieMargin: Double
    /// Whether the judge reads the answer without its prompt.
    public let answerOnly: Bool
    public let seed: Int
    /// Absolute path of the pairs.
    public let output: String

    public init(
        id: String, model: FinetuneModelInput, judge: String, label: String?, prompts: DataInput, column: String?,
        promptTokens: ClosedRange<Int>?, count: Int?, heldOut: Int, questions: String?, plain: Bool, samples: Int,
        temperature: Double, maxNewTokens: Int, pairing: String, tieMargin: Double, answerOnly: Bool, seed: Int,
        output: String
    ) {
        version = workerProtocolVersion
        self.id = id
        kind = "label"
        self.model = model
        self.judge = judge
        self.label = label
        self.prompts = prompts
        self.column = column
        self.promptTokens = promptTokens.map { [$0.lowerBound, $0.upperBound] }
        self.count = count
        self.heldOut = heldOut
        self.questions = questions
        self.plain = plain
        self.samples = samples
        self.temperature = temperature
        self.maxNewTokens = maxNewTokens
        self.pairing = pairing
        self.tieMargin = tieMargin
        self.answerOnly = answerOnly
        self.seed = seed
        self.output = output
    }
}
