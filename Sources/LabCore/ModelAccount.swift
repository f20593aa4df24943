/// What a campaign's proposing model was asked, what that cost, and what came of it.
public struct ModelAccount: Codable, Sendable, Equatable {
    /// Calls of one step of the program.
    public struct Step: Codable, Sendable, Equatable {
        public var calls = 0
        /// Calls that ended without a reply, after all retries.
        public var failedCalls = 0
        public var promptTokens = 0
        /// Part of `promptTokens` that the server had read before.
        public var cachedTokens = 0
        public var completionTokens = 0
        /// US dollars, of the calls that have a price.
        public var cost = 0.0
        /// From request to reply, of calls side by side added up.
        public var seconds = 0.0

        public init(
            calls: Int = 0, failedCalls: Int = 0, promptTokens: Int = 0, completionTokens: Int = 0, cost: Double = 0
        ) {
            self.calls = calls
            self.failedCalls = failedCalls
            self.promptTokens = promptTokens
            self.completionTokens = completionTokens
            self.cost = cost
        }
    }

    public var models: [String] = []
    public var steps: [String: Step] = [:]
    /// HTTP requests sent for the calls, retries included.
    public var requests = 0
    /// Replies whose model has no price in the table; their cost is not known.
    public var unpricedCalls = 0
    /// Whether some token counts are estimates, for want of the server's own.
    public var estimatedTokens = false

    /// Candidates that the model was to write.
    public var candidates = 0
    /// Accepted by screening as first written, copies by another way of writing included.
    public var soundFirstTry = 0
    /// Replies, first ones and repairs, that gave back the prompt's words in place of code.
    public var echoed = 0
    /// Replies that were one of the shown losses word for word.
    public var copied = 0
    /// Replies that compute the same as an earlier loss.
    public var duplicated = 0
    /// Valid and new by the proposer's own check, as first written.
    public var validFirstTry = 0
    /// Valid and new after at least one repair.
    public var repaired = 0
    /// Candidates that needed a repair, successful or not.
    public var needingRepair = 0
    public var duplicates = 0
    public var rejected = 0
    /// By our fault.
    public var failed = 0
    public var scored = 0
    /// Name and tuned score of the best loss that the model wrote.
    public var best: Best?
    /// How often each earlier loss was shown to the model with its code, by name.
    public var shown: [String: Int] = [:]

    public struct Best: Codable, Sendable, Equatable {
        public let name: String
        public let score: Estimate

        public init(name: String, score: Estimate) {
            self.name = name
            self.score = score
        }
    }

    public init() {}

    public var total: Step {
        steps.values.reduce(into: Step()) { sum, step in
            sum.calls += step.calls
            sum.failedCalls += step.failedCalls
            sum.promptTokens += step.promptTokens
            sum.cachedTokens += step.cachedTokens
            sum.completionTokens += step.completionTokens
            sum.seconds += step.seconds
            sum.cost += step.cost
        }
    }

    /// Candidates that were valid and new when proposed.
    public var valid: Int { validFirstTry + repaired }
    /// Tokens that the model wrote for each valid candidate, repairs and failures included; 0 without one.
    public var tokensPerValid: Int { valid > 0 ? total.completionTokens / valid : 0 }
    /// Share of candidates that screening accepted as first written; `nil` without any.
    public var soundFirstRate: Double? { candidates > 0 ? Double(soundFirstTry) / Double(candidates) : nil }
    /// Share of candidates that were valid as first written; `nil` without any.
    public var validFirstTryRate: Double? { candidates > 0 ? Double(validFirstTry) / Double(candidates) : nil }
    /// Share of the candidates that needed a repair in which one succeeded.
    public var repairRate: Double? { needingRepair > 0 ? Double(repaired) / Double(needingRepair) : nil }
    /// US dollars a valid candidate; `nil` when nothing has a price or nothing is valid.
    public var costPerValid: Double? {
        guard valid > 0, unpricedCalls < total.calls else { return nil }
        return total.cost / Double(valid)
    }
}
