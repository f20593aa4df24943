/// One message of a conversation.
public struct ChatMessage: Codable, Hashable, Sendable {
    public enum Role: String, Codable, Sendable {
        case system, user, assistant
    }

    public let role: Role
    public let content: String

    public init(_ role: Role, _ content: String) {
        self.role = role
        self.content = content
    }
}

/// What is asked of a model, whatever server answers: a conversation to go on with, or a text to complete.
public struct ChatRequest: Codable, Hashable, Sendable {
    /// What form the reply shall have, where the server can hold the model to it.
    public enum ReplyFormat: Codable, Hashable, Sendable {
        case text
        /// Any JSON object.
        case json
        /// JSON that follows this JSON Schema, given as JSON text.
        case schema(name: String, schema: String)
    }

    public var model: String
    /// The conversation; empty for a completion.
    public var messages: [ChatMessage]
    /// The text to complete, instead of messages: what a base model, or a chat model without its template, goes on
    /// with. Only the OpenAI form knows it (`/completions`).
    public var prompt: String?
    /// 0 and up; `nil` leaves it to the server.
    public var temperature: Double?
    /// Most tokens in one reply. A completion without it gets the endpoint's `defaultMaxTokens`, for servers take as
    /// little as 16 when they are not told.
    public var maxTokens: Int?
    /// Replies wanted.
    public var n: Int
    public var seed: Int?
    public var stop: [String]
    public var format: ReplyFormat
    /// Passed on as it is, such as `low`, `medium` or `high`.
    public var reasoningEffort: String?
    public var stream: Bool

    public init(
        model: String, messages: [ChatMessage], temperature: Double? = nil, maxTokens: Int? = nil, n: Int = 1,
        seed: Int? = nil, stop: [String] = [], format: ReplyFormat = .text, reasoningEffort: String? = nil,
        stream: Bool = false
    ) {
        self.model = model
        self.messages = messages
        self.temperature = temperature
        self.maxTokens = maxTokens
        self.n = n
        self.seed = seed
        self.stop = stop
        self.format = format
        self.reasoningEffort = reasoningEffort
        self.stream = stream
    }

    /// A text to complete.
    ///
    /// - Parameter stop: texts at which the completion ends; none of them is part of the reply.
    public init(
        model: String, completing prompt: String, temperature: Double? = nil, maxTokens: Int? = nil, n: Int = 1,
        seed: Int? = nil, stop: [String] = []
    ) {
        self.init(
            model: model, messages: [], temperature: temperature, maxTokens: maxTokens, n: n, seed: seed, stop: stop)
        self.prompt = prompt
    }

    /// Everything that the model reads, in its order.
    var texts: [String] { messages.map(\.content) + [prompt].compactMap { $0 } }
}
