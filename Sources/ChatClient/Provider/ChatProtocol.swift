/// How one provider's API writes requests and replies.
protocol ChatProtocol: Sendable {
    /// Header lines that carry the key and name the version.
    func headers(_ secrets: Secrets) -> [String]

    /// The body of a request for `request.n` replies.
    ///
    /// - Throws: `ChatError` for what this API cannot be asked.
    func body(of request: ChatRequest, _ options: BodyOptions) throws -> JSONValue

    /// Reads an answer with status 200.
    func reply(from body: JSONValue) throws(MalformedReply) -> ParsedReply

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
}

/// Puts a reply together from events.
protocol ReplyStream: Sendable {
    /// Takes one event and returns the text that it adds to the first choice.
    ///
    /// - Throws: `StreamedError` for an error sent in the midst of the stream, `MalformedReply`.
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
    var usage: ChatUsage?
}

/// A reply that is none.
struct MalformedReply: Error {
    let reason: String

    init(_ reason: String) { self.reason = reason }
}

/// An error object inside a stream that began well.
struct StreamedError: Error {
    let body: JSONValue
}
