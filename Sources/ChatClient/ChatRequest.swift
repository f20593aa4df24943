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

/// What is asked of a chat model, whatever server answers.
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
    public var messages: [ChatMessage]
    /// 0 and up; `nil` leaves it to the server.
    public var temperature: Double?
    /// Most tokens in one reply.
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
}
