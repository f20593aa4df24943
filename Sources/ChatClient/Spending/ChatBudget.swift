public import LabCore

/// What calls may use and cost at most: the campaign's own value.
public typealias ChatBudget = ModelBudget

extension ModelBudget {
    /// Whether the length of a reply matters for it.
    var limitsLength: Bool { usd != nil || tokens != nil }
}

/// An amount set aside or spent.
struct Amount: Hashable {
    var usd = 0.0
    var tokens = 0
    var calls = 0

    static func + (left: Amount, right: Amount) -> Amount {
        Amount(usd: left.usd + right.usd, tokens: left.tokens.plus(right.tokens), calls: left.calls.plus(right.calls))
    }

    static func - (left: Amount, right: Amount) -> Amount {
        Amount(usd: left.usd - right.usd, tokens: left.tokens.minus(right.tokens), calls: left.calls.minus(right.calls))
    }

    /// Sums of dollars are exact to about this.
    private static let tolerance = 1e-9

    /// The first limit of a budget that this amount passes, in words; `nil` when it fits.
    func excess(over budget: ChatBudget) -> String? {
        if let limit = budget.calls, calls > limit { return "\(limit) calls" }
        if let limit = budget.tokens, tokens > limit { return "\(limit) tokens" }
        if let limit = budget.usd, usd > limit + Self.tolerance { return "\(limit) US dollars" }
        return nil
    }
}
