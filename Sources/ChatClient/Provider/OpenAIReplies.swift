/// Reading answers to chat completions and text completions.
extension OpenAIProtocol {
    func reply(from body: JSONValue) throws -> ParsedReply {
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
    private static func choice(_ choice: JSONValue) throws -> ChatReply.Choice {
        try refuseFailure(in: choice)
        let reason = choice["finish_reason"]?.string
        guard let message = choice["message"], message.isObject else {
            guard let text = choice["text"]?.string else { throw MalformedReply("a choice has no message and no text") }
            return .init(text: text, finish: finish(reason, refused: false))
        }
        let refusal = message["refusal"]?.string.flatMap { $0.isEmpty ? nil : $0 }
        return .init(
            text: text(of: message["content"]) ?? refusal ?? "", finish: finish(reason, refused: refusal != nil),
            reasoning: reasoning(in: message))
    }

    /// Why a choice ended when the server failed in the midst of it.
    private static let failures: Set<String> = [
        "error", "abort", "network_error", "insufficient_system_resource", "malformed_function_call",
    ]

    /// - Throws: `FailureInReply` where the choice tells of the server's failure and is no answer.
    static func refuseFailure(in choice: JSONValue) throws {
        if let error = choice["error"], error.saysSomething {
            throw FailureInReply(body: .object([.init(key: "error", value: error)]))
        }
        let reason = choice["finish_reason"]
        guard let name = reason?.string ?? reason?["type"]?.string, failures.contains(name.lowercased()) else { return }
        let story = reason?["message"]?.string ?? choice["message"]?["content"]?.string?.prefix(200).description ?? ""
        let message = "the reply ended with finish_reason \"\(name)\"" + (story.isEmpty ? "" : ": \(story)")
        throw FailureInReply(body: .object([.init(key: "error", value: .string(message))]))
    }

    /// Content is text, or a list of parts with text in them.
    static func text(of content: JSONValue?) -> String? {
        guard let parts = content?.array else { return content?.string }
        return parts.compactMap { $0["text"]?.string }.joined()
    }

    /// What the model thought, in a message or in a stream's delta: vLLM, SGLang, llama.cpp and DeepSeek have one name
    /// for it, OpenRouter and Ollama another.
    static func reasoning(in message: JSONValue?) -> String? {
        let text = text(of: message?["reasoning_content"]) ?? text(of: message?["reasoning"])
        return text?.isEmpty == true ? nil : text
    }

    static func finish(_ reason: String?, refused: Bool) -> ChatReply.Finish {
        if refused { return .refusal }
        return switch reason {
        case "stop", "eos", "eos_token", "end_turn", "stop_sequence": .stop
        case "length", "max_tokens", "model_length": .length
        case "content_filter", "refusal", "safety", "sensitive": .refusal
        default: .other
        }
    }

    /// The usage in a reply or in an event of a stream.
    static func usage(in body: JSONValue) -> ToldUsage? {
        let usage = body["usage"]
        guard let prompt = usage?["prompt_tokens"]?.integer else { return nil }
        let completion = usage?["completion_tokens"]?.integer ?? 0
        let cached =
            usage?["prompt_tokens_details"]?["cached_tokens"]?.integer
            // DeepSeek's name, then llama.cpp's: the tokens it took from its cache, or those that it had to read.
            ?? usage?["prompt_cache_hit_tokens"]?.integer ?? body["timings"]?["cache_n"]?.integer
            ?? body["timings"]?["prompt_n"]?.integer.map { max(0, prompt.minus($0)) } ?? 0
        guard prompt >= 0, completion >= 0, cached >= 0 else { return nil }
        return ToldUsage(
            prompt: prompt, completion: completion, cached: min(cached, prompt), total: usage?["total_tokens"]?.integer)
    }
}
