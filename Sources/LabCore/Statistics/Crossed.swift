/// Scores of the same questions under several seeds: `values[seed][question]`.
///
/// Seeds and questions are both samples of what could have been, so the error of the mean counts both. With a question
/// effect Q, a seed effect S and their interaction E, `Var(mean) = (MS_S + MS_Q - MS_E) / (seeds * questions)`
/// (two-way crossed random effects without replication; Searle, Casella & McCulloch 1992, section 4.5), its degrees of
/// freedom by Satterthwaite.
public struct CrossedScores: Sendable, Equatable {
    public let values: [[Double]]

    /// - Precondition-free: rows of unequal length are refused with `nil`, as is an empty table.
    public init?(_ values: [[Double]]) {
        guard let first = values.first, !first.isEmpty, values.allSatisfy({ $0.count == first.count }) else {
            return nil
        }
        self.values = values
    }

    public var seedMeans: [Double] { values.map { $0.reduce(0, +) / Double($0.count) } }

    public var questionMeans: [Double] {
        let seeds = Double(values.count)
        return values[0].indices.map { column in values.reduce(0) { $0 + $1[column] } / seeds }
    }

    /// The table of differences to another with the same seeds and questions, pair by pair.
    public func minus(_ other: CrossedScores) -> CrossedScores? {
        guard values.count == other.values.count, values[0].count == other.values[0].count else { return nil }
        return CrossedScores(zip(values, other.values).map { row, otherRow in zip(row, otherRow).map { $0 - $1 } })
    }

    /// Mean over all cells with the standard error that counts both seeds and questions.
    ///
    /// With a single seed the error covers the questions alone; with a single question, the seeds alone.
    public var estimate: Estimate {
        let seeds = Double(values.count)
        let questions = Double(values[0].count)
        let rowMeans = seedMeans
        let columnMeans = questionMeans
        let mean = rowMeans.reduce(0, +) / seeds
        guard values.count > 1, values[0].count > 1 else {
            let single = LabCore.estimate(of: values.count > 1 ? rowMeans : columnMeans)
            return Estimate(
                mean: mean, standardError: single?.standardError, degreesOfFreedom: single?.degreesOfFreedom,
                count: values.count)
        }
        let seedSquare = questions * rowMeans.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / (seeds - 1)
        let questionSquare = seeds * columnMeans.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / (questions - 1)
        var errorSum = 0.0
        for (row, rowMean) in zip(values, rowMeans) {
            for (value, columnMean) in zip(row, columnMeans) {
                let residual = value - rowMean - columnMean + mean
                errorSum += residual * residual
            }
        }
        let errorFreedom = (seeds - 1) * (questions - 1)
        let errorSquare = errorSum / errorFreedom
        // Where the residual outweighs an effect, the moment estimate can fall below any one mean square (even below zero),
        // though the truth cannot; the largest of them alone, with its own degrees of freedom, is then the safer answer.
        let single = [(seedSquare, seeds - 1), (questionSquare, questions - 1), (errorSquare, errorFreedom)]
        let alone = single.max { $0.0 < $1.0 } ?? single[0]
        let combined = seedSquare + questionSquare - errorSquare
        let total = max(combined, alone.0)
        let freedom: Double
        if combined > alone.0 {
            freedom =
                total * total
                / (seedSquare * seedSquare / (seeds - 1) + questionSquare * questionSquare / (questions - 1)
                    + errorSquare * errorSquare / errorFreedom)
        } else {
            freedom = alone.1
        }
        return Estimate(
            mean: mean, standardError: (total / (seeds * questions)).squareRoot(), degreesOfFreedom: freedom,
            count: values.count)
    }
}
