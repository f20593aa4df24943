/// How one provider's API writes requests and replies.
protocol ChatProtocol: Sendable {
    /// Header lines that carry the key and name the version.
    func headers(_ secrets: Secrets) -> [String]

    /// The body of a request for `request.n` replies.
    ///
    /// - Throws: `ChatError` for what this API cannot be asked.
    func body(of request: ChatRequest, _ options: BodyOptions) throws -> JSONValue

    /// Reads an answer with status 200.
    ///
    /// - Throws: `MalformedReply`, `FailureInReply`.
    func reply(from body: JSONValue) throws -> ParsedReply

    /// Begins reading an answer that comes in events.
    func stream() -> any ReplyStream

    /// Whether one request may ask for several replies.
    var takesSeveralReplies: Bool { get }
}

/// What the client has found out about a server or decided for the user.
struct BodyOptions: Hashable, Sendable {
    /// Tokens to ask for at most; `nil` sends no limit.
    var maxTokens: Int?
    /// What this model does not take as others do.
    var adaptations: Set<Adaptations.Adaptation> = []

    /// The temperature to send; `nil` sends none.
    func temperature(of request: ChatRequest) -> Double? {
        if adaptations.contains(.noTemperature) { return nil }
        return request.temperature.map { $0 == 0 && adaptations.contains(.positiveTemperature) ? 0.01 : $0 }
    }

    /// The stop texts to send; `nil` sends none.
    func stop(of request: ChatRequest) -> [String]? {
        request.stop.isEmpty || adaptations.contains(.noStop) ? nil : request.stop
    }

    func reasoningEffort(of request: ChatRequest) -> String? {
        adaptations.contains(.noReasoningEffort) ? nil : request.reasoningEffort
    }
}

/// Puts a reply together from events.
protocol ReplyStream: Sendable {
    /// Takes one event and returns the text that it adds to the first choice.
    ///
    /// - Throws: `FailureInReply` for an error sent in the midst of the stream, `MalformedReply`.
    mutating func take(_ event: ServerSentEvents.Event) throws -> String

    /// The reply, once the stream has ended.
    ///
    /// - Throws: `MalformedReply` when the stream was cut off before the reply was whole.
    func reply() throws(MalformedReply) -> ParsedReply
}

struct ParsedReply: Hashable, Sendable {
    var choices: [ChatReply.Choice]
    /// As the server names it; empty where it does not.
    var model: String
    /// `nil` where the server does not count.
    var usage: ToldUsage?
}

/// A reply that is none.
struct MalformedReply: Error {
    let reason: String

    init(_ reason: String) { self.reason = reason }
}

/// A failure told inside an answer with status 200, or in a stream that began well.
struct FailureInReply: Error {
    /// Has the error under `error`.
    let body: JSONValue

    /// The status that the error stands for.
    var status: Int {
        let error = body["error"]
        let codes = [error?["code"], error?["status"], error?["status_code"], body["status"]]
        return codes.lazy.compactMap { $0?.integer ?? $0?.string.flatMap { Int($0) } }
            .first { (400..<600).contains($0) } ?? 500
    }
}

extension JSONValue {
    /// Whether it is more than nothing: some servers send an empty error with every reply.
    var saysSomething: Bool {
        switch self {
        case .null, .bool(false): false
        case .string(let text): !text.isEmpty
        case .array(let values): !values.isEmpty
        case .object(let members): !members.isEmpty
        case .bool, .integer, .number: true
        }
    }
}
