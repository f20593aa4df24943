public import LabCore

/// The plain mean over all values, with an error that treats the values of one question as one observation.
///
/// Two turns of a question rise and fall together (their correlation is 0.5 in real judgments), so questions are what is
/// sampled. With question sums `s`, counts `n` and the mean `m = sum s / sum n`, the error is that of a ratio:
/// `SE^2 = Q / (Q - 1) * sum (s - m n)^2 / (sum n)^2` (Cochran, Sampling Techniques, 1977, section 6.4). Where every
/// question has as many values it is exactly the standard error of the question means.
/// - Returns: `nil` without values; `count` is the number of questions.
public func clusteredMean<Cluster: Hashable>(_ values: [(cluster: Cluster, value: Double)]) -> Estimate? {
    guard !values.isEmpty else { return nil }
    var sums: [Cluster: (sum: Double, count: Double)] = [:]
    for (cluster, value) in values {
        let old = sums[cluster] ?? (0, 0)
        sums[cluster] = (old.sum + value, old.count + 1)
    }
    // One pass in the order given: the same values in the same order give the same bits.
    let total = values.reduce(0) { $0 + $1.value }
    let mean = total / Double(values.count)
    let clusters = Double(sums.count)
    guard sums.count > 1 else { return Estimate(mean: mean, standardError: nil, count: sums.count) }
    let squares = sums.values.map { ($0.sum - mean * $0.count) * ($0.sum - mean * $0.count) }.sorted()
    let variance = clusters / (clusters - 1) * squares.reduce(0, +) / Double(values.count * values.count)
    return Estimate(
        mean: mean, standardError: variance.squareRoot(), degreesOfFreedom: clusters - 1, count: sums.count)
}

/// Standard deviation of independent values, or `nil` for fewer than two.
func standardDeviation(_ values: [Double]) -> Double? {
    estimate(of: values).flatMap { estimate in
        estimate.standardError.map { $0 * Double(values.count).squareRoot() }
    }
}

func median(_ values: [Double]) -> Double? {
    guard !values.isEmpty else { return nil }
    let sorted = values.sorted()
    let middle = sorted.count / 2
    return sorted.count.isMultiple(of: 2) ? (sorted[middle - 1] + sorted[middle]) / 2 : sorted[middle]
}
