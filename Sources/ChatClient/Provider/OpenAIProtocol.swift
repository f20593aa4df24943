/// Chat completions and text completions, as OpenAI defines them and compatible servers follow.
struct OpenAIProtocol: ChatProtocol {
    let takesSeveralReplies = true

    func headers(_ secrets: Secrets) -> [String] {
        secrets.key.map { ["Authorization: Bearer \($0.revealed)"] } ?? []
    }

    func body(of request: ChatRequest, _ options: BodyOptions) throws -> JSONValue {
        let known = options.adaptations
        var members: [JSONValue.Member] = []
        func add(_ key: String, _ value: JSONValue?) {
            if let value { members.append(.init(key: key, value: value)) }
        }
        add("model", .string(request.model))
        if let prompt = request.prompt {
            add("prompt", .string(prompt))
        } else {
            add("messages", .array(Self.messages(of: request, known).map(Self.message)))
        }
        add("temperature", options.temperature(of: request).map(JSONValue.number))
        // Text completions never had the newer name.
        let isNewer = known.contains(.maxCompletionTokens) && !known.contains(.maxTokens) && request.prompt == nil
        add(isNewer ? "max_completion_tokens" : "max_tokens", options.maxTokens.map(JSONValue.integer))
        add("n", request.n > 1 && !known.contains(.oneReply) ? .integer(request.n) : nil)
        add("seed", known.contains(.noSeed) ? nil : request.seed.map(JSONValue.integer))
        add("stop", options.stop(of: request).map { .array($0.map(JSONValue.string)) })
        let format = try Self.format(request.format, known)
        add("response_format", known.contains(.noResponseFormat) ? nil : format)
        add("reasoning_effort", options.reasoningEffort(of: request).map(JSONValue.string))
        if request.stream {
            add("stream", .bool(true))
            if !known.contains(.noStreamOptions) {
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

    /// The messages in the form that the model takes; a schema that no field may carry stands in the last of them.
    private static func messages(of request: ChatRequest, _ known: Set<Adaptations.Adaptation>) -> [ChatMessage] {
        var messages = known.contains(.plainTurns) ? request.messages.plainTurns : request.messages
        guard case .schema = request.format, known.contains(.noSchema) || known.contains(.noResponseFormat),
            let words = request.format.inWords, let last = messages.last
        else { return messages }
        messages[messages.count - 1] = ChatMessage(last.role, last.content + "\n\n" + words)
        return messages
    }

    private static func format(
        _ format: ChatRequest.ReplyFormat, _ known: Set<Adaptations.Adaptation>
    ) throws -> JSONValue? {
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
            guard !known.contains(.noSchema) else { return typed("json_object") }
            let described: [JSONValue.Member] = [
                .init(key: "name", value: .string(name)), .init(key: "schema", value: value),
                .init(key: "strict", value: .bool(true)),
            ]
            return typed("json_schema", [.init(key: "json_schema", value: .object(described))])
        }
    }

    func stream() -> any ReplyStream { OpenAIStream() }
}
