public import LabCore

/// What the same held-out pairs say of a loss under several seeds: `runs[seed][pair]`.
///
/// Pairs that share a prompt are no independent observations, and seeds are a sample too: every estimate here is crossed
/// over seeds and prompts.
public struct HeldOutScores: Sendable, Equatable {
    /// One figure a pair.
    public enum Measure: String, Sendable, CaseIterable {
        /// 1 where the policy moved towards the chosen answer more than towards the rejected one, against the reference;
        /// a tie, up to rounding, counts half. TRL's `rewards/accuracies` counts a tie as a miss.
        case accuracy
        /// By how much, in nats. TRL's `rewards/margins` is this times beta.
        case margin
        /// Log policy less log reference, nats, mean of both answers: how far the policy has gone on text it did not
        /// write. An estimate of the KL divergence only where these answers are like its own.
        case kl
        /// Minus the log-probability of the chosen answer, nats a completion.
        case chosenNll
        /// The same, less the reference's.
        case chosenNllChange
    }

    public let runs: [[HeldOutPair]]

    /// - Returns: `nil` unless every run has the same pairs, at least one.
    public init?(_ runs: [[HeldOutPair]]) {
        let rows = runs.first?.map(\.row) ?? []
        guard !rows.isEmpty, runs.allSatisfy({ $0.map(\.row) == rows }) else { return nil }
        self.runs = runs
    }

    /// `values[seed][pair]`.
    public func values(_ measure: Measure) -> [[Double]] { runs.map { $0.map(measure.value(of:)) } }

    public func estimate(_ measure: Measure) -> Estimate? { Self.estimate(values(measure), prompts: prompts) }

    /// The mean difference to another loss on the same pairs under the same seeds.
    public func difference(from other: HeldOutScores, in measure: Measure) -> Estimate? {
        difference(from: other.values(measure), in: measure)
    }

    /// The mean difference to figures of other origin for the same pairs; one row stands for every seed.
    public func difference(from others: [[Double]], in measure: Measure) -> Estimate? {
        let own = values(measure)
        let rows = others.count == 1 ? Array(repeating: others[0], count: own.count) : others
        guard rows.count == own.count, rows.allSatisfy({ $0.count == runs[0].count }) else { return nil }
        return Self.estimate(
            zip(own, rows).map { row, other in zip(row, other).map { $0 - $1 } }, prompts: prompts)
    }

    public var prompts: [String] { runs[0].map(\.prompt) }

    /// 1 where the chosen answer is the longer one, counted in tokens; a tie counts half.
    public var longerWins: [Double] { runs[0].map { win(Double($0.chosenTokens), Double($0.rejectedTokens)) } }

    /// What length alone would say: the longer or the shorter answer, whichever is right more often on these pairs.
    public var length: (name: String, wins: [Double]) {
        let longer = longerWins
        return longer.reduce(0, +) * 2 >= Double(longer.count)
            ? ("the longer answer", longer) : ("the shorter answer", longer.map { 1 - $0 })
    }

    /// 1 where the untrained model gives the chosen answer the higher log-probability a token.
    public var likelierWins: [Double] {
        runs[0].map {
            win(
                $0.referenceChosenLogps / Double(max($0.chosenTokens, 1)),
                $0.referenceRejectedLogps / Double(max($0.rejectedTokens, 1)))
        }
    }

    /// The mean over all pairs and seeds, its error counting seeds and prompts.
    ///
    /// Within a prompt, pairs are summed, since a mean over pairs is a ratio of two sums over prompts (pairs won, pairs
    /// there were): each prompt stands for `m + (sum - m n) / n̄`, the ratio's linearisation, whose mean is the mean
    /// over pairs (Cochran 1977, section 2.11).
    public static func estimate(_ values: [[Double]], prompts: [String]) -> Estimate? {
        CrossedScores(byPrompt(values, prompts: prompts))?.estimate
    }

    /// What `estimate` takes each prompt to stand for: `[seed][prompt]`, prompts in their first order.
    public static func byPrompt(_ values: [[Double]], prompts: [String]) -> [[Double]] {
        var order: [String: Int] = [:]
        for prompt in prompts where order[prompt] == nil { order[prompt] = order.count }
        let size = Double(prompts.count) / Double(max(order.count, 1))
        return values.map { row -> [Double] in
            let mean = row.reduce(0, +) / Double(max(row.count, 1))
            var rests = [Double](repeating: 0, count: order.count)
            for (value, prompt) in zip(row, prompts) { order[prompt].map { rests[$0] += value - mean } }
            return rests.map { mean + $0 / size }
        }
    }
}

extension HeldOutScores.Measure {
    /// Nats by which sums of float32 log-probabilities may differ without any training.
    static let rounding = 1e-3

    func value(of pair: HeldOutPair) -> Double {
        let chosen = pair.policyChosenLogps - pair.referenceChosenLogps
        let rejected = pair.policyRejectedLogps - pair.referenceRejectedLogps
        return switch self {
        case .accuracy: abs(chosen - rejected) < Self.rounding ? 0.5 : win(chosen, rejected)
        case .margin: chosen - rejected
        case .kl: (chosen + rejected) / 2
        case .chosenNll: -pair.policyChosenLogps
        case .chosenNllChange: -chosen
        }
    }
}

private func win(_ first: Double, _ second: Double) -> Double { first > second ? 1 : first == second ? 0.5 : 0 }

extension [HeldOutPair] {
    /// The pairs on which settings are chosen, a third of the prompts, and those on which the result is measured.
    ///
    /// By the prompt's hash, so that no prompt is in both and every loss, seed and repetition has the same.
    public func divided() -> (choosing: [HeldOutPair], scoring: [HeldOutPair]) {
        let isForChoosing = { (pair: HeldOutPair) -> Bool in
            (UInt64(pair.prompt.prefix(15), radix: 16) ?? UInt64(pair.row)).isMultiple(of: 3)
        }
        return (filter(isForChoosing), filter { !isForChoosing($0) })
    }
}
