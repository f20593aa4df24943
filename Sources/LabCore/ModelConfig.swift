/// Which language model is asked, and where.
public struct EndpointConfig: Codable, Sendable, Equatable {
    public static let providers = ["openai", "anthropic"]

    /// One of the lab's own models, which it serves itself; nothing but `concurrency` counts beside it then.
    public var embedded: String?
    /// The dialect spoken: `openai` (and everything compatible with it) or `anthropic`.
    public var provider: String
    /// `nil` for the provider's own address; anything else for vLLM, Ollama, LiteLLM, ...
    public var baseURL: String?
    /// Name of the environment variable that holds the key; `nil` for the provider's usual one.
    public var keyEnvironment: String?
    /// A file, readable by its owner alone, that holds the key; wins over the variable.
    public var keyFile: String?
    /// Requests in flight at most.
    public var concurrency: Int
    public var requestsPerMinute: Int?
    public var tokensPerMinute: Int?
    /// How long is waited; `nil` for the usual limits.
    public var timeouts: EndpointTimeouts?

    public init(
        embedded: String? = nil, provider: String = "openai", baseURL: String? = nil, keyEnvironment: String? = nil,
        keyFile: String? = nil,
        concurrency: Int = 8, requestsPerMinute: Int? = nil, tokensPerMinute: Int? = nil,
        timeouts: EndpointTimeouts? = nil
    ) {
        self.embedded = embedded
        self.provider = provider
        self.baseURL = baseURL
        self.keyEnvironment = keyEnvironment
        self.keyFile = keyFile
        self.concurrency = concurrency
        self.requestsPerMinute = requestsPerMinute
        self.tokensPerMinute = tokensPerMinute
        self.timeouts = timeouts
    }
}

/// How long an endpoint's answers are waited for, in seconds; `nil` for the usual limit.
public struct EndpointTimeouts: Codable, Sendable, Equatable {
    /// From a request to the first byte of its answer: without streaming, the whole writing of the reply.
    public var firstByte: Double?
    /// Between two pieces of an answer.
    public var stall: Double?
    /// One request with its whole answer.
    public var total: Double?
    /// One call with all its retries.
    public var call: Double?

    public init(firstByte: Double? = nil, stall: Double? = nil, total: Double? = nil, call: Double? = nil) {
        self.firstByte = firstByte
        self.stall = stall
        self.total = total
        self.call = call
    }
}

/// How a model is asked for a loss.
public enum PromptForm: String, Codable, Sendable, CaseIterable {
    /// With versions of one function, of which it writes the next: what base and code models are made for.
    case completion
    /// With messages, answered in messages.
    case chat
}

/// The language model that proposes, and how it is asked.
public struct ProposingModelConfig: Codable, Sendable, Equatable {
    /// As the endpoint names it.
    public var model: String
    public var endpoint: EndpointConfig
    public var form: PromptForm
    /// Folder of prompt files that take the place of the built-in ones of the same name; relative to the project.
    public var prompts: String?
    /// Of the steps that write; steps that reason or repair use at most this. `nil` sends none with any step, for models
    /// that refuse it.
    public var temperature: Double?
    /// Most tokens in one reply.
    public var maxTokens: Int
    /// Whether a step of its own concludes from the scores what the next loss shall test (`chat`).
    public var analyse: Bool
    /// Whether a valid draft is criticised once and revised (`chat`).
    public var critique: Bool
    /// Repairs of one candidate (`chat`), or further samples after a draft that cannot be used (`completion`, `discopop`).
    public var repairs: Int
    /// Earlier losses shown with their code.
    public var evidence: Int
    /// The model's context in tokens; the conversation of `discopop` is kept below it.
    public var contextTokens: Int
    /// Passed on as it is, such as `low`; `nil` sends nothing.
    public var reasoningEffort: String?

    public init(
        model: String, endpoint: EndpointConfig = .init(), form: PromptForm = .chat, prompts: String? = nil,
        temperature: Double? = 1, maxTokens: Int = 2_048, analyse: Bool = true, critique: Bool = false,
        repairs: Int = 2, evidence: Int = 4,
        contextTokens: Int = 32_768, reasoningEffort: String? = nil
    ) {
        self.model = model
        self.endpoint = endpoint
        self.form = form
        self.prompts = prompts
        self.temperature = temperature
        self.maxTokens = maxTokens
        self.analyse = analyse
        self.critique = critique
        self.repairs = repairs
        self.evidence = evidence
        self.contextTokens = contextTokens
        self.reasoningEffort = reasoningEffort
    }
}

/// Who grades the answers.
public struct JudgeConfig: Codable, Sendable, Equatable {
    public static let kinds = ["rubric", "mt_bench", "pairwise", "reward_model", "classifier"]

    /// `rubric` needs no model; `reward_model` and `classifier` run theirs here, the others ask a server.
    public var kind: String
    /// As the endpoint names it; of `reward_model` and `classifier` a folder, relative to the project, or a Hub id.
    public var model: String?
    /// The class whose probability is a classifier's score.
    public var label: String?
    /// Of `pairwise`: answers in FastChat's layout, relative to the project; `nil` for the untrained policy's own.
    public var baseline: String?
    public var endpoint: EndpointConfig
    /// Whether requests carry the temperature that the protocol of the kind sets, usually 0; some models refuse any.
    public var sendsTemperature: Bool

    public init(
        kind: String = "rubric", model: String? = nil, label: String? = nil, baseline: String? = nil,
        endpoint: EndpointConfig = .init(), sendsTemperature: Bool = true
    ) {
        self.kind = kind
        self.model = model
        self.label = label
        self.baseline = baseline
        self.endpoint = endpoint
        self.sendsTemperature = sendsTemperature
    }

    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        kind = try values.decode(String.self, forKey: .kind)
        model = try values.decodeIfPresent(String.self, forKey: .model)
        label = try values.decodeIfPresent(String.self, forKey: .label)
        baseline = try values.decodeIfPresent(String.self, forKey: .baseline)
        endpoint = try values.decode(EndpointConfig.self, forKey: .endpoint)
        // Campaigns begun before this could be said.
        sendsTemperature = try values.decodeIfPresent(Bool.self, forKey: .sendsTemperature) ?? true
    }

    /// Whether grading sends anything to a server.
    public var asksServer: Bool { kind == "mt_bench" || kind == "pairwise" }

    /// What a mean score is a mean of, as tables say it.
    public var scale: String {
        switch kind {
        case "reward_model": "rewards"
        case "classifier": "probabilities of \(label ?? "the class")"
        case "pairwise": "comparisons over 1-10, where 5.5 is as good as \(baseline ?? "the untrained policy")"
        default: "scores over 1-10"
        }
    }
}

/// What a campaign may spend on language models; `nil` for no limit.
public struct ModelBudget: Codable, Sendable, Hashable {
    /// US dollars.
    public var usd: Double?
    /// Prompt and completion tokens together.
    public var tokens: Int?
    /// Requests that a server answered, or may have.
    public var calls: Int?

    public init(usd: Double? = nil, tokens: Int? = nil, calls: Int? = nil) {
        self.usd = usd
        self.tokens = tokens
        self.calls = calls
    }
}
