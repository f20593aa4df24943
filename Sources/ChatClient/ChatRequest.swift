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

extension [ChatMessage] {
    /// Messages of the same role in a row as one.
    var joinedByRole: [ChatMessage] {
        reduce(into: []) { joined, message in
            if let last = joined.last, last.role == message.role {
                joined[joined.count - 1] = ChatMessage(last.role, last.content + "\n\n" + message.content)
            } else {
                joined.append(message)
            }
        }
    }

    /// The same conversation without a system: its text stands before the first user's message, and roles take turns.
    var plainTurns: [ChatMessage] {
        let system = filter { $0.role == .system }.map(\.content).joined(separator: "\n\n")
        var turns = filter { $0.role != .system }
        if system.isEmpty { return turns.joinedByRole }
        let first = turns.firstIndex { $0.role == .user } ?? turns.startIndex
        turns.insert(ChatMessage(.user, system), at: first)
        return turns.joinedByRole
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

        /// The same as a request in words, for servers that know no such field; `nil` for text.
        var inWords: String? {
            let object = "Reply with one JSON object and nothing else."
            return switch self {
            case .text: nil
            case .json: object
            case .schema(_, let schema): "\(object) It must follow this JSON Schema:\n\(schema)"
            }
        }
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
