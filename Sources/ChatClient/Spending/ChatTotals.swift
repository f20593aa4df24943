/// What calls have used and cost.
public struct ChatSpending: Codable, Hashable, Sendable {
    /// Requests that a server answered, or may have.
    public var calls = 0
    public var promptTokens = 0
    public var completionTokens = 0
    public var cachedTokens = 0
    /// US dollars for calls whose usage is known and whose model has a price.
    public var cost = 0.0
    /// Answered calls to models without a price.
    public var unpriced = 0
    /// Calls whose usage the server did not tell, so that their tokens are estimated.
    public var estimated = 0
    /// Requests that were sent and never answered: timeouts, dropped connections, cut or unreadable answers.
    public var unanswered = 0
    /// US dollars that the provider may still charge for `unanswered`, at most.
    public var possibleCost = 0.0
    /// Tokens that `unanswered` may have used, at most.
    public var possibleTokens = 0
    /// Replies from the response cache or a cassette, which cost nothing.
    public var replayed = 0

    public init() {}

    public var tokens: Int { promptTokens.plus(completionTokens) }

    public mutating func add(_ other: ChatSpending) {
        calls = calls.plus(other.calls)
        promptTokens = promptTokens.plus(other.promptTokens)
        completionTokens = completionTokens.plus(other.completionTokens)
        cachedTokens = cachedTokens.plus(other.cachedTokens)
        cost += other.cost
        unpriced = unpriced.plus(other.unpriced)
        estimated = estimated.plus(other.estimated)
        unanswered = unanswered.plus(other.unanswered)
        possibleCost += other.possibleCost
        possibleTokens = possibleTokens.plus(other.possibleTokens)
        replayed = replayed.plus(other.replayed)
    }
}

/// What was spent, for whom and on which model; a file of a run, from which a resumed run goes on.
public struct ChatTotals: Codable, Hashable, Sendable {
    public struct Row: Codable, Hashable, Sendable {
        public let purpose: ChatPurpose
        public let model: String
        public var spending: ChatSpending

        public init(purpose: ChatPurpose, model: String, spending: ChatSpending) {
            self.purpose = purpose
            self.model = model
            self.spending = spending
        }
    }

    /// One for each purpose and model, in a fixed order.
    public let rows: [Row]

    public init(rows: [Row] = []) { self.rows = rows }

    public var total: ChatSpending { sum { _ in true } }

    /// What was spent on some purposes, such as one candidate or one step.
    public func sum(where belongs: (ChatPurpose) -> Bool) -> ChatSpending {
        var sum = ChatSpending()
        for row in rows where belongs(row.purpose) { sum.add(row.spending) }
        return sum
    }
}

/// One request, for a record of all of them; no text of it.
public struct ChatCall: Codable, Hashable, Sendable {
    public let purpose: ChatPurpose
    public let endpoint: String
    public let model: String
    /// `nil` when no answer came.
    public let usage: ChatUsage?
    /// US dollars; at most so many when no answer came; `nil` when the model has no price.
    public let cost: Double?
    public let seconds: Double
    /// `answered`, `unanswered` or `replayed`.
    public let outcome: String
}
