/// Chat completions and text completions, as OpenAI defines them and compatible servers follow.
struct OpenAIProtocol: ChatProtocol {
    let takesSeveralReplies = true

    func headers(_ secrets: Secrets) -> [String] {
        secrets.key.map { ["Authorization: Bearer \($0.revealed)"] } ?? []
    }

    func body(of request: ChatRequest, _ options: BodyOptions) throws -> JSONValue {
        var members: [JSONValue.Member] = []
        func add(_ key: String, _ value: JSONValue?) {
            if let value { members.append(.init(key: key, value: value)) }
        }
        add("model", .string(request.model))
        if let prompt = request.prompt {
            add("prompt", .string(prompt))
        } else {
            add("messages", .array(request.messages.map(Self.message)))
        }
        add("temperature", request.temperature.map(JSONValue.number))
        // Text completions never had the newer name.
        let isNewer = options.adaptations.contains(.maxCompletionTokens) && request.prompt == nil
        add(isNewer ? "max_completion_tokens" : "max_tokens", options.maxTokens.map(JSONValue.integer))
        add("n", request.n > 1 ? .integer(request.n) : nil)
        add("seed", request.seed.map(JSONValue.integer))
        add("stop", request.stop.isEmpty ? nil : .array(request.stop.map(JSONValue.string)))
        let format = try Self.format(request.format)
        add("response_format", options.adaptations.contains(.noResponseFormat) ? nil : format)
        add("reasoning_effort", request.reasoningEffort.map(JSONValue.string))
        if request.stream {
            add("stream", .bool(true))
            if !options.adaptations.contains(.noStreamOptions) {
                add("stream_options", .object([.init(key: "include_usage", value: .bool(true))]))
            }
        }
        return .object(members)
    }

    static func message(_ message: ChatMessage) -> JSONValue {
        .object([
            .init(key: "role", value: .string(message.role.rawValue)),
            .init(key: "content", value: .string(message.content)),
        ])
    }

    private static func format(_ format: ChatRequest.ReplyFormat) throws -> JSONValue? {
        func typed(_ type: String, _ more: [JSONValue.Member] = []) -> JSONValue {
            .object([.init(key: "type", value: .string(type))] + more)
        }
        switch format {
        case .text: return nil
        case .json: return typed("json_object")
        case .schema(let name, let schema):
            guard let value = try? JSONParser.parse(schema.utf8), value.isObject else {
                throw ChatError(.configuration, "the schema \(name) for the reply is no JSON object")
            }
            let described: [JSONValue.Member] = [
                .init(key: "name", value: .string(name)), .init(key: "schema", value: value),
                .init(key: "strict", value: .bool(true)),
            ]
            return typed("json_schema", [.init(key: "json_schema", value: .object(described))])
        }
    }

    func reply(from body: JSONValue) throws(MalformedReply) -> ParsedReply {
        guard let choices = body["choices"]?.array, !choices.isEmpty else {
            throw MalformedReply("it has no choices")
        }
        var read: [(index: Int, choice: ChatReply.Choice)] = []
        for (position, choice) in choices.enumerated() {
            read.append((choice["index"]?.integer ?? position, try Self.choice(choice)))
        }
        return ParsedReply(
            choices: read.sorted { $0.index < $1.index }.map(\.choice), model: body["model"]?.string ?? "",
            usage: Self.usage(in: body))
    }

    /// A choice of a conversation holds a message, one of a completion its text.
    private static func choice(_ choice: JSONValue) throws(MalformedReply) -> ChatReply.Choice {
        let reason = choice["finish_reason"]?.string
        guard let message = choice["message"], message.isObject else {
            guard let text = choice["text"]?.string else { throw MalformedReply("a choice has no message and no text") }
            return .init(text: text, finish: finish(reason, refused: false))
        }
        let refusal = message["refusal"]?.string
        return .init(
            text: text(of: message["content"]) ?? refusal ?? "", finish: finish(reason, refused: refusal != nil))
    }

    func stream() -> any ReplyStream { OpenAIStream() }

    /// Content is text, or a list of parts with text in them.
    static func text(of content: JSONValue?) -> String? {
        guard let parts = content?.array else { return content?.string }
        return parts.compactMap { $0["text"]?.string }.joined()
    }

    static func finish(_ reason: String?, refused: Bool) -> ChatReply.Finish {
        if refused { return .refusal }
        return switch reason {
        case "stop", "eos", "eos_token", "end_turn", "stop_sequence": .stop
        case "length", "max_tokens", "model_length": .length
        case "content_filter", "refusal": .refusal
        default: .other
        }
    }

    /// The usage in a reply or in an event of a stream.
    static func usage(in body: JSONValue) -> ChatUsage? {
        let usage = body["usage"]
        guard let prompt = usage?["prompt_tokens"]?.integer else { return nil }
        let completion = usage?["completion_tokens"]?.integer ?? 0
        let cached =
            usage?["prompt_tokens_details"]?["cached_tokens"]?.integer
            // DeepSeek's name, then llama.cpp's: the tokens it took from its cache, or those that it had to read.
            ?? usage?["prompt_cache_hit_tokens"]?.integer ?? body["timings"]?["cache_n"]?.integer
            ?? body["timings"]?["prompt_n"]?.integer.map { max(0, prompt - $0) } ?? 0
        guard prompt >= 0, completion >= 0, cached >= 0 else { return nil }
        return ChatUsage(promptTokens: prompt, completionTokens: completion, cachedTokens: min(cached, prompt))
    }
}

/// Chat completion chunks. The last event is `[DONE]`, which some servers leave out; a reply is whole when each of its
/// choices has told why it ended.
struct OpenAIStream: ReplyStream {
    private struct Part {
        var text = ""
        var refusal = ""
        var finish: String?
    }

    private var parts: [Int: Part] = [:]
    private var model = ""
    private var usage: ChatUsage?
    private var isDone = false

    mutating func take(_ event: ServerSentEvents.Event) throws -> String {
        if event.data.starts(with: "[DONE]".utf8) {
            isDone = true
            return ""
        }
        guard let chunk = try? JSONParser.parse(event.data), chunk.isObject else {
            throw MalformedReply("an event of its stream is not JSON")
        }
        if chunk["error"] != nil || event.name == "error" { throw StreamedError(body: chunk) }
        if let name = chunk["model"]?.string { model = name }
        usage = OpenAIProtocol.usage(in: chunk) ?? usage
        var added = ""
        for (position, choice) in (chunk["choices"]?.array ?? []).enumerated() {
            let index = choice["index"]?.integer ?? position
            var part = parts[index] ?? Part()
            if let text = OpenAIProtocol.text(of: choice["delta"]?["content"]) ?? choice["text"]?.string {
                part.text += text
                if index == 0 { added += text }
            }
            part.refusal += choice["delta"]?["refusal"]?.string ?? ""
            part.finish = choice["finish_reason"]?.string ?? part.finish
            parts[index] = part
        }
        return added
    }

    func reply() throws(MalformedReply) -> ParsedReply {
        guard !parts.isEmpty else { throw MalformedReply("its stream holds no choices") }
        guard isDone || parts.values.allSatisfy({ $0.finish != nil }) else {
            throw MalformedReply("its stream ended in the middle of the reply")
        }
        let choices = parts.sorted { $0.key < $1.key }.map { _, part in
            ChatReply.Choice(
                text: part.text.isEmpty ? part.refusal : part.text,
                finish: OpenAIProtocol.finish(part.finish, refused: !part.refusal.isEmpty))
        }
        return ParsedReply(choices: choices, model: model, usage: usage)
    }
}
