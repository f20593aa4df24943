public import ChatClient

/// Which model judges, and how it is asked.
public struct JudgeSettings: Sendable {
    public let model: String
    /// 0 as FastChat and Arena-Hard have it; `nil` for servers that refuse a temperature.
    public let temperature: Double?
    /// Most tokens in one judgment. FastChat: 2048 for OpenAI's models, 1024 for Anthropic's.
    public let maxTokens: Int
    /// The judge's context in tokens, where known: longer requests are cut before they are sent.
    public let contextTokens: Int?
    /// Requests in flight.
    public let concurrency: Int
    public let purpose: ChatPurpose

    public init(
        model: String, temperature: Double? = 0, maxTokens: Int = 2048, contextTokens: Int? = nil, concurrency: Int = 8,
        purpose: ChatPurpose = ChatPurpose(step: "judge")
    ) {
        self.model = model
        self.temperature = temperature
        self.maxTokens = maxTokens
        self.contextTokens = contextTokens
        self.concurrency = concurrency
        self.purpose = purpose
    }

    /// A request of the shape in which the judge is asked.
    public var shape: ChatRequest {
        request([ChatMessage(.system, "Grade the answer."), ChatMessage(.user, "The answer.")])
    }

    func request(_ messages: [ChatMessage]) -> ChatRequest {
        ChatRequest(model: model, messages: messages, temperature: temperature, maxTokens: maxTokens)
    }

    /// Whether the messages surely do not leave room for a judgment: three bytes a token, which few texts undercut.
    func overflows(_ messages: [ChatMessage]) -> Bool {
        guard let contextTokens else { return false }
        return messages.reduce(0) { $0 + $1.content.utf8.count } / 3 > contextTokens - min(maxTokens, contextTokens)
    }
}

/// An answer shortened to the given number of characters by leaving out its middle, with a note of what is gone.
func shortened(_ answer: String, to limit: Int) -> String {
    let count = answer.count
    guard count > limit else { return answer }
    let (head, tail) = (limit * 3 / 4, limit / 4)
    return answer.prefix(head)
        + "\n[... \(count - head - tail) characters left out: too long for the judge ...]\n" + answer.suffix(tail)
}
