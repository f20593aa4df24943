/// What a campaign trains and asks where it is not a world of the embedded benchmark: a model and data of the user's own.
///
/// Such a campaign has a single place of training, named after its data; it takes the part of the world.
public struct PolicyConfig: Codable, Sendable, Equatable {
    public var model: PolicyModelConfig
    public var data: PreferenceDataConfig
    public var evaluation: EvaluationConfig
    public var training: PolicyTrainingConfig

    public init(
        model: PolicyModelConfig, data: PreferenceDataConfig, evaluation: EvaluationConfig,
        training: PolicyTrainingConfig = .init()
    ) {
        self.model = model
        self.data = data
        self.evaluation = evaluation
        self.training = training
    }
}

/// The starting policy, which is the reference too, and how it is loaded.
public struct PolicyModelConfig: Codable, Sendable, Equatable {
    public static let dtypes = ["auto", "float32", "bfloat16", "float16"]
    public static let devices = ["auto", "cpu", "cuda"]
    public static let quantizations = ["none", "4bit", "8bit"]

    /// A folder in Hugging Face layout, relative to the project, or a Hub id.
    public var model: String
    /// Branch, tag or commit of a Hub model.
    public var revision: String?
    public var dtype = "auto"
    public var device = "auto"
    public var quantization: String?
    /// LoRA adapters of this rank; `nil` trains every weight.
    public var loraRank: Int?
    public var gradientCheckpointing = false
    /// `chatml`, `zephyr`, `llama3`, `gemma`, `mistral` or a file; `nil` takes the tokenizer's own.
    public var chatTemplate: String?
    /// Whether a template that looks doubtful is used all the same.
    public var acceptTemplate = false

    public init(model: String) { self.model = model }
}

/// The preference pairs, of which a share is kept for the confirmation alone.
public struct PreferenceDataConfig: Codable, Sendable, Equatable {
    /// A file or folder, relative to the project, or a Hub id.
    public var dataset: String
    /// Of a Hub data set, like the revision.
    public var config: String?
    public var split: String?
    public var revision: String?
    /// Our column's name to theirs.
    public var columns: [String: String] = [:]
    public var layout: String?
    /// Only the first rows.
    public var limit: Int?
    /// Share of the prompts whose pairs no search trial sees.
    public var confirmationShare = 0.5
    /// Tokens of prompt and answer together.
    public var maxLength = 1024
    public var maxPromptLength: Int?

    public init(dataset: String) { self.dataset = dataset }
}

/// What trained policies are asked, and how they answer.
public struct EvaluationConfig: Codable, Sendable, Equatable {
    /// A name under `evaluation/`, or a folder with `question.jsonl`; `nil` where the files are named.
    public var suite: String?
    /// A file in MT-Bench's format.
    public var questions: String?
    /// Questions of the confirmation; `nil` takes every second question of each category out of the others.
    public var heldOutQuestions: String?
    public var temperature = 0.7
    /// Answers a question at that temperature; one greedy answer is always added.
    public var samples = 1
    /// What else bends the sampling; absent, nothing does.
    public var shape: SamplingShape?
    public var maxNewTokens = 512
    /// Answers a question at temperature 1 for the KL estimate; 0 leaves KL out.
    public var klSamples = 1

    public init(suite: String? = nil, questions: String? = nil) {
        self.suite = suite
        self.questions = questions
    }
}

/// What is the same in every training; learning rate, beta, seed, pairs and epochs come from the trial.
public struct PolicyTrainingConfig: Codable, Sendable, Equatable {
    public static let schedules = ["cosine", "linear", "constant"]
    public static let trainers = ["losslab", "trl"]

    /// Pairs that the loss sees at once and a step is made of.
    public var batchSize = 16
    /// Pairs in memory at once; `nil` takes what fits. The result is the same up to rounding.
    public var microBatchSize: Int?
    public var schedule = "cosine"
    /// `losslab`, or `trl` for the loss inside TRL's trainer.
    public var trainer = "losslab"
    /// Factor on all four log-probabilities before the loss.
    public var logpScale = 1.0

    public init() {}
}
