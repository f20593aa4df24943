/// What a user should know of a server although it answered: each thing said once.
extension ChatClient {
    func note(_ text: String, _ request: ChatRequest) {
        if adaptations.isNew(text, about: request.model) { notes("\(endpoint.name): \(text)") }
    }

    /// Looks for what a reply tells by the way.
    func notice(_ reply: ChatReply, to request: ChatRequest) {
        if let choice = reply.choices.first, choice.text.isBlank, choice.reasoning?.isBlank == false,
            choice.finish != .length
        {
            note(
                "\(request.model) answers only in its thoughts (reasoning_content) and leaves the answer itself empty; "
                    + "turn the server's reasoning parser off, or the model's thinking", request)
        }
        let sent = TokenEstimate.careful(request)
        guard !reply.usage.estimated, reply.usage.promptTokens > 0, sent >= Self.leastToJudge,
            reply.usage.promptTokens * 2 < sent
        else { return }
        // Without figures, which would differ each time.
        note(
            "it seems to cut long prompts of \(request.model) in silence: it counts less than half the tokens that were "
                + "sent; raise its context (Ollama: OLLAMA_CONTEXT_LENGTH or num_ctx, llama.cpp: --ctx-size, LM Studio: "
                + "context length), or lower contextTokens", request)
    }

    /// Shorter prompts tell too little.
    private static let leastToJudge = 256
}

extension ChatReply {
    /// Whether no choice holds anything but thoughts, and the limit of tokens ended them all.
    var isSpentOnThoughts: Bool {
        !choices.isEmpty
            && choices.allSatisfy { $0.finish == .length && ($0.text.isBlank || SpokenText(of: $0.text).isUnended) }
    }

    /// The reply with what an earlier one cost, too.
    func after(_ earlier: ChatReply) -> ChatReply {
        ChatReply(
            choices: choices, model: model, usage: usage + earlier.usage,
            cost: cost.flatMap { one in earlier.cost.map { one + $0 } }, attempts: attempts + earlier.attempts,
            seconds: seconds + earlier.seconds)
    }
}

extension ChatReply.Choice {
    /// The choice up to the first of the stop texts, which not every server looks for.
    func cut(at stop: [String]) -> ChatReply.Choice {
        let found = stop.filter { !$0.isEmpty }.compactMap { text.range(of: $0)?.lowerBound }.min()
        guard let found else { return self }
        return ChatReply.Choice(text: String(text[..<found]), finish: .stop, reasoning: reasoning)
    }
}

extension ChatUsage {
    static func + (one: ChatUsage, other: ChatUsage) -> ChatUsage {
        ChatUsage(
            promptTokens: one.promptTokens.plus(other.promptTokens),
            completionTokens: one.completionTokens.plus(other.completionTokens),
            cachedTokens: one.cachedTokens.plus(other.cachedTokens), estimated: one.estimated || other.estimated)
    }
}

extension String {
    fileprivate var isBlank: Bool { allSatisfy(\.isWhitespace) }
}
