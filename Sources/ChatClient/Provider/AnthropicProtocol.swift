/// Anthropic's messages API.
struct AnthropicProtocol: ChatProtocol {
    let takesSeveralReplies = false

    static let version = "2023-06-01"

    func headers(_ secrets: Secrets) -> [String] {
        ["anthropic-version: \(Self.version)"] + (secrets.key.map { ["x-api-key: \($0.revealed)"] } ?? [])
    }

    /// System messages are lifted out of the conversation; messages of the same role in a row become one, as the API
    /// wants turns. There is no seed. JSON is asked for in words, for the API has no mode for it.
    func body(of request: ChatRequest, _ options: BodyOptions) throws -> JSONValue {
        guard let maxTokens = options.maxTokens else {
            throw ChatError(.configuration, "Anthropic's API needs a limit of tokens for the reply")
        }
        var system = request.messages.filter { $0.role == .system }.map(\.content)
        if let words = request.format.inWords { system.append(words) }
        let turns = request.messages.filter { $0.role != .system }.joinedByRole
        guard turns.first?.role == .user else {
            throw ChatError(.configuration, "Anthropic's API needs a conversation that begins with a user's message")
        }
        var members: [JSONValue.Member] = [
            .init(key: "model", value: .string(request.model)), .init(key: "max_tokens", value: .integer(maxTokens)),
        ]
        func add(_ key: String, _ value: JSONValue?) {
            if let value { members.append(.init(key: key, value: value)) }
        }
        add("system", system.isEmpty ? nil : .string(system.joined(separator: "\n\n")))
        add("messages", .array(turns.map(OpenAIProtocol.message)))
        add("temperature", options.temperature(of: request).map(JSONValue.number))
        add("stop_sequences", options.stop(of: request).map { .array($0.map(JSONValue.string)) })
        add("thinking", try Self.thinking(options.reasoningEffort(of: request), within: maxTokens))
        add("stream", request.stream ? .bool(true) : nil)
        return .object(members)
    }

    /// Tokens of thinking for the effort's names; a whole number means itself. It is part of the reply's limit.
    private static let thinkingTokens = ["low": 1024, "medium": 4096, "high": 16_384]

    private static func thinking(_ effort: String?, within maxTokens: Int) throws -> JSONValue? {
        guard let effort, !["none", "minimal"].contains(effort) else { return nil }
        guard let budget = thinkingTokens[effort] ?? Int(effort), budget >= 1024 else {
            throw ChatError(
                .configuration,
                "reasoning effort \(effort): Anthropic's API takes low, medium, high or a number of tokens from 1024")
        }
        guard budget < maxTokens else {
            throw ChatError(
                .configuration,
                "reasoning effort \(effort) thinks for \(budget) tokens, more than the reply's \(maxTokens); "
                    + "raise the limit of tokens")
        }
        return .object([
            .init(key: "type", value: .string("enabled")), .init(key: "budget_tokens", value: .integer(budget)),
        ])
    }

    func reply(from body: JSONValue) throws(MalformedReply) -> ParsedReply {
        guard let blocks = body["content"]?.array else { throw MalformedReply("it has no content") }
        let text = blocks.filter { $0["type"]?.string == "text" }.compactMap { $0["text"]?.string }.joined()
        let thoughts = blocks.compactMap { $0["thinking"]?.string }.joined()
        return ParsedReply(
            choices: [
                .init(
                    text: text, finish: Self.finish(body["stop_reason"]?.string),
                    reasoning: thoughts.isEmpty ? nil : thoughts)
            ],
            model: body["model"]?.string ?? "", usage: Self.usage(body["usage"]))
    }

    func stream() -> any ReplyStream { AnthropicStream() }

    static func finish(_ reason: String?) -> ChatReply.Finish {
        switch reason {
        case "end_turn", "stop_sequence": .stop
        case "max_tokens", "model_context_window_exceeded": .length
        case "refusal": .refusal
        default: .other
        }
    }

    /// The API counts tokens read from and written to its cache apart from the other input.
    static func usage(_ usage: JSONValue?) -> ToldUsage? {
        guard let input = usage?["input_tokens"]?.integer else { return nil }
        let read = usage?["cache_read_input_tokens"]?.integer ?? 0
        let written = usage?["cache_creation_input_tokens"]?.integer ?? 0
        let output = usage?["output_tokens"]?.integer ?? 0
        guard input >= 0, read >= 0, written >= 0, output >= 0 else { return nil }
        return ToldUsage(prompt: input.plus(read).plus(written), completion: output, cached: read)
    }
}

/// Anthropic's events: `message_start`, text deltas, `message_delta` with the reason and the usage, `message_stop`.
struct AnthropicStream: ReplyStream {
    private var text = ""
    private var thoughts = ""
    private var model = ""
    private var reason: String?
    private var usage: ToldUsage?
    private var hasBegun = false

    mutating func take(_ event: ServerSentEvents.Event) throws -> String {
        guard let body = try? JSONParser.parse(event.data), body.isObject else {
            if event.data.starts(with: "[DONE]".utf8) { return "" }
            throw MalformedReply("an event of its stream is not JSON")
        }
        switch body["type"]?.string ?? event.name {
        case "message_start":
            hasBegun = true
            model = body["message"]?["model"]?.string ?? ""
            usage = AnthropicProtocol.usage(body["message"]?["usage"])
        case "content_block_delta":
            thoughts += body["delta"]?["thinking"]?.string ?? ""
            guard let piece = body["delta"]?["text"]?.string else { break }
            text += piece
            return piece
        case "content_block_start":
            guard let piece = body["content_block"]?["text"]?.string else { break }
            text += piece
            return piece
        case "message_delta":
            reason = body["delta"]?["stop_reason"]?.string ?? reason
            if let output = body["usage"]?["output_tokens"]?.integer { usage?.completion = output }
        case "error": throw FailureInReply(body: body)
        default: break
        }
        return ""
    }

    func reply() throws(MalformedReply) -> ParsedReply {
        guard hasBegun, let reason else { throw MalformedReply("its stream ended in the middle of the reply") }
        return ParsedReply(
            choices: [
                .init(
                    text: text, finish: AnthropicProtocol.finish(reason), reasoning: thoughts.isEmpty ? nil : thoughts)
            ], model: model, usage: usage)
    }
}
