/// Tokens as a server counts them: its word, not yet believed.
struct ToldUsage: Hashable, Sendable {
    var prompt: Int
    var completion: Int
    /// Part of `prompt`.
    var cached = 0
    /// Prompt and answer together; what it holds beyond both are thoughts that are counted nowhere else.
    var total: Int?

    /// The answer's tokens with the thoughts that stand only in the total, each counted once.
    var answered: Int { max(completion, (total ?? 0).minus(prompt)) }
}

/// What a request can have used at all: a server's count outside of it is a mistake or a lie.
struct UsageBounds {
    /// A prompt's tokens: more than none, at most one a byte and what the server may put before it.
    let prompt: ClosedRange<Int>
    /// Tokens of the answer, as far as the limit of tokens binds them.
    let completion: ClosedRange<Int>
    /// Tokens of the answer with thoughts, which some servers neither limit nor count with it.
    let mostThoughts: Int

    /// A system's text or tools that a server adds to a prompt without being asked.
    private static let addedByServer = 4_096
    /// No model that we know writes more in one reply.
    private static let longestAnswer = 1 << 20
    /// A token stands for at most so many bytes, such as a run of white space.
    private static let longestToken = 1_024

    /// - Parameter limit: the tokens that one reply was allowed; `nil` where none was sent.
    init(_ request: ChatRequest, _ parsed: ParsedReply, limit: Int?, context: Int?) {
        let sent = TokenEstimate.careful(request) / 32
        prompt = max(1, sent)...max(1, sent, TokenEstimate.most(request).plus(Self.addedByServer))
        let written = parsed.choices.reduce(0) { $0.plus($1.text.utf8.count).plus(($1.reasoning ?? "").utf8.count) }
        let said = parsed.choices.reduce(0) { $0.plus($1.text.utf8.count) }
        let replies = max(request.n, parsed.choices.count, 1)
        let most = (context ?? Self.longestAnswer).times(replies)
        // A few tokens a reply for its end and its roles; a reply that passed its limit shows how far.
        let allowed = max((limit ?? Self.longestAnswer).plus(16).times(replies), written.plus(16))
        let least = said == 0 ? 0 : max(1, said / Self.longestToken)
        completion = least...max(least, allowed)
        mostThoughts = max(most, allowed)
    }

    /// The usage, where it can be true.
    func believed(_ told: ToldUsage) -> ChatUsage? {
        guard prompt.contains(told.prompt), completion.contains(told.completion), told.total ?? 0 >= 0,
            told.answered <= mostThoughts, (0...told.prompt).contains(told.cached)
        else { return nil }
        return ChatUsage(promptTokens: told.prompt, completionTokens: told.answered, cachedTokens: told.cached)
    }
}

/// Sums of what others counted: at the end of the numbers they stay there.
extension Int {
    func plus(_ other: Int) -> Int {
        let (sum, passed) = addingReportingOverflow(other)
        return passed ? (other > 0 ? .max : .min) : sum
    }

    func minus(_ other: Int) -> Int {
        let (difference, passed) = subtractingReportingOverflow(other)
        return passed ? (other > 0 ? .min : .max) : difference
    }

    func times(_ other: Int) -> Int {
        let (product, passed) = multipliedReportingOverflow(by: other)
        return passed ? ((self > 0) == (other > 0) ? .max : .min) : product
    }
}
