/// What a chat model answered.
public struct ChatReply: Codable, Hashable, Sendable {
    public struct Choice: Codable, Hashable, Sendable {
        public let text: String
        public let finish: Finish
        /// What the model thought before, where the server tells it apart from the text.
        public let reasoning: String?

        public init(text: String, finish: Finish, reasoning: String? = nil) {
            self.text = text
            self.finish = finish
            self.reasoning = reasoning
        }
    }

    /// Why a reply ended.
    public enum Finish: String, Codable, Sendable {
        case stop
        /// Cut off by the token limit.
        case length
        /// The server or the model refused on grounds of content.
        case refusal
        case other
    }

    public let choices: [Choice]
    /// The model that answered, as the server names it.
    public let model: String
    public let usage: ChatUsage
    /// US dollars by the price table; `nil` when the model has no price there.
    public let cost: Double?
    /// Requests sent for this reply, retries included; 0 when it came from the cache or a cassette.
    public let attempts: Int
    public let seconds: Double

    public init(
        choices: [Choice], model: String, usage: ChatUsage, cost: Double? = nil, attempts: Int = 1, seconds: Double = 0
    ) {
        self.choices = choices
        self.model = model
        self.usage = usage
        self.cost = cost
        self.attempts = attempts
        self.seconds = seconds
    }

    /// The first choice's text; empty when the server sent none.
    public var text: String { choices.first?.text ?? "" }

    /// The first choice's thoughts, where the server tells them apart. They may be all that there is: an empty text with
    /// `finish == .length` means that they used up the limit of tokens.
    public var reasoning: String? { choices.first?.reasoning }
}

/// Tokens that a call used, as the server counted them, or estimated where it did not say.
public struct ChatUsage: Codable, Hashable, Sendable {
    public var promptTokens: Int
    public var completionTokens: Int
    /// Prompt tokens that the server took from its cache, part of `promptTokens`.
    public var cachedTokens: Int
    public var estimated: Bool

    public init(promptTokens: Int = 0, completionTokens: Int = 0, cachedTokens: Int = 0, estimated: Bool = false) {
        self.promptTokens = promptTokens
        self.completionTokens = completionTokens
        self.cachedTokens = cachedTokens
        self.estimated = estimated
    }

    public var totalTokens: Int { promptTokens.plus(completionTokens) }

    /// Files are written by others too: a count that no call can have is cut to the most that is taken from one, so that
    /// sums of them stay numbers.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        func count(_ key: CodingKeys) throws -> Int {
            min(max(0, try container.decode(Int.self, forKey: key)), 1 << 40)
        }
        self.init(
            promptTokens: try count(.promptTokens), completionTokens: try count(.completionTokens),
            cachedTokens: try count(.cachedTokens), estimated: try container.decode(Bool.self, forKey: .estimated))
    }
}
