import LabCore

/// How small a gap between two judged models can be and still be seen.
///
/// The defaults are measured: MT-Bench, 80 questions of two turns, graded by GPT-4, 37 models. The standard deviation of a
/// model's question means is 2.98, so one score has a standard error of 0.33; two related models agree on which questions
/// are hard (correlation 0.775), so their paired difference has one of 0.22 and needs a gap of 0.44 at 95 %.
public struct JudgeResolution: Codable, Sendable, Equatable {
    public let questions: Int
    /// Standard deviation over questions of one model's question means.
    public let sd: Double
    /// Correlation over questions between the question means of the two models compared.
    public let correlation: Double

    public static let mtBench = JudgeResolution(questions: 80, sd: 2.98, correlation: 0.775)

    public init(questions: Int, sd: Double, correlation: Double) {
        self.questions = questions
        self.sd = sd
        self.correlation = correlation
    }

    /// Of one model's score.
    public var scoreStandardError: Double { sd / Double(max(questions, 1)).squareRoot() }

    /// Of the paired difference of two models, each trained and judged with this many seeds.
    ///
    /// - Parameter redrawn: share of a difference's variance that every seed draws anew (training, sampling, judging); the
    ///   rest belongs to the questions and stays. Not known for MT-Bench: a half is an assumption. No matter for one seed.
    public func differenceStandardError(seeds: Int = 1, redrawn: Double = 0.5) -> Double {
        let shrinking = redrawn / Double(max(seeds, 1)) + (1 - redrawn)
        return scoreStandardError * (2 * (1 - correlation) * shrinking).squareRoot()
    }

    /// The smallest gap that counts as real, or that is found to be real with the given probability.
    ///
    /// - Parameters:
    ///   - power: probability of a significant result when the true gap is this large; `nil` gives the smallest
    ///     difference that is significant when it is observed, which a true gap of that size reaches half the time.
    ///   - level: of the two-sided interval.
    public func gap(seeds: Int = 1, redrawn: Double = 0.5, power: Double? = nil, level: Double = 0.95) -> Double {
        let normal = { StudentT.quantile($0, degreesOfFreedom: .infinity) }
        let factor = normal(0.5 + level / 2) + (power.map(normal) ?? 0)
        return factor * differenceStandardError(seeds: seeds, redrawn: redrawn)
    }

    /// Questions of this kind that it would take to find a true gap with the given probability, one seed each.
    public func questionsNeeded(toResolve gap: Double, power: Double = 0.8, level: Double = 0.95) -> Int? {
        guard gap > 0 else { return nil }
        let one = JudgeResolution(questions: 1, sd: sd, correlation: correlation).gap(power: power, level: level)
        let needed = (one / gap) * (one / gap)
        return needed < 1e9 ? Int(needed.rounded(.up)) : nil
    }

    /// What to tell somebody who wants to rank by this judge gaps that it cannot see; `nil` when it can.
    public func warning(forGap gap: Double, seeds: Int = 1) -> String? {
        let needed = self.gap(seeds: seeds)
        guard gap < needed else { return nil }
        let each = seeds == 1 ? "one training each" : "\(seeds) trainings each"
        let questions = questionsNeeded(toResolve: gap).map { ", and about \($0) questions would find it" } ?? ""
        return """
            the judge cannot resolve a gap of \(twoPlaces(gap)): one score has a standard error of \
            \(twoPlaces(scoreStandardError)) over \(self.questions) questions, and with \(each) two losses must differ by \
            \(twoPlaces(needed)) to be told apart at 95 % (\(twoPlaces(self.gap(seeds: seeds, power: 0.8))) to be found \
            with 80 % probability)\(questions); the order of closer losses is mostly chance
            """
    }
}

/// The gap between two losses that a judge can resolve: `JudgeResolution.gap` in one call.
///
/// With the defaults 0.44: MT-Bench under GPT-4, two related models, one training each, significant at 95 %.
public func resolvableGap(
    questions: Int = 80, sd: Double = 2.98, correlation: Double = 0.775, seeds: Int = 1, power: Double? = nil
) -> Double {
    JudgeResolution(questions: questions, sd: sd, correlation: correlation).gap(seeds: seeds, power: power)
}

func twoPlaces(_ value: Double) -> String {
    let hundredths = Int((value * 100).rounded())
    let sign = hundredths < 0 ? "-" : ""
    let size = abs(hundredths)
    return "\(sign)\(size / 100).\(size % 100 < 10 ? "0" : "")\(size % 100)"
}
