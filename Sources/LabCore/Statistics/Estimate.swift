/// A mean with its standard error: the only form in which a score leaves the lab.
public struct Estimate: Codable, Sendable, Hashable {
    public let mean: Double
    /// Standard error of the mean; `nil` when a single observation gives none.
    public let standardError: Double?
    /// Degrees of freedom behind the standard error, for Student's t.
    public let degreesOfFreedom: Double?
    /// Observations (for crossed estimates: seeds).
    public let count: Int

    public init(mean: Double, standardError: Double?, degreesOfFreedom: Double? = nil, count: Int) {
        self.mean = mean
        self.standardError = standardError
        self.degreesOfFreedom = degreesOfFreedom
        self.count = count
    }

    /// Two-sided interval at the given level (0.95), or `nil` without a standard error.
    public func interval(level: Double = 0.95) -> ClosedRange<Double>? {
        guard let standardError else { return nil }
        let half = StudentT.quantile(0.5 + level / 2, degreesOfFreedom: degreesOfFreedom ?? .infinity) * standardError
        return (mean - half)...(mean + half)
    }

    /// Lower end of the one-sided interval, by which losses are ranked; the mean itself without a standard error.
    public func lowerBound(level: Double = 0.95) -> Double {
        guard let standardError else { return mean }
        return mean - StudentT.quantile(level, degreesOfFreedom: degreesOfFreedom ?? .infinity) * standardError
    }

    /// Probability of a mean at least this far above zero if the true one were zero (one-sided).
    public var pValueAboveZero: Double {
        guard let standardError else { return 1 }
        guard standardError > 0 else { return mean > 0 ? 0 : 1 }
        return StudentT.upperTail(mean / standardError, degreesOfFreedom: degreesOfFreedom ?? .infinity)
    }

    /// Two-sided p-value against zero.
    public var pValueAgainstZero: Double {
        guard let standardError else { return 1 }
        guard standardError > 0 else { return mean == 0 ? 1 : 0 }
        let t = abs(mean / standardError)
        return 2 * StudentT.upperTail(t, degreesOfFreedom: degreesOfFreedom ?? .infinity)
    }
}

/// Mean and standard error of independent observations.
public func estimate(of values: [Double]) -> Estimate? {
    guard !values.isEmpty else { return nil }
    let n = Double(values.count)
    let mean = values.reduce(0, +) / n
    guard values.count > 1 else { return Estimate(mean: mean, standardError: nil, count: 1) }
    let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / (n - 1)
    return Estimate(
        mean: mean, standardError: (variance / n).squareRoot(), degreesOfFreedom: n - 1, count: values.count)
}
