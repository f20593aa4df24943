import LabCore

/// The paired difference of two models' scores: question by question, over the rows that both have a rating for.
public struct JudgeComparison: Codable, Sendable {
    public let first: String
    public let second: String
    /// Mean of first minus second.
    public let difference: Double
    public let standardError: Double
    /// 95 % interval, Student's t over questions.
    public let interval: [Double]
    /// Two-sided, of no difference.
    public let pValue: Double
    public let questions: Int
    /// Rows that both have a rating for.
    public let pairs: Int
    /// Rows that only one of the two has a rating for, left out.
    public let unpaired: Int
    /// Correlation over questions between the two models' question means.
    public let correlation: Double?
    /// Smallest difference that these questions show to be real at 95 %, and smallest true gap they find with 80 %.
    public let resolvableGap: Double
    public let resolvableGapAt80Power: Double
    /// Both were graded by the same judge; when not, the difference is that of two judges too.
    public let sameJudge: Bool

    /// Throws when the two share fewer than two questions.
    public init(_ first: [JudgmentRow], _ second: [JudgmentRow]) throws {
        struct Place: Hashable {
            let question: QuestionID
            let turn: Int
        }
        func ratings(_ rows: [JudgmentRow]) -> [Place: Double] {
            Dictionary(
                rows.compactMap { row in
                    row.score.map { (Place(question: row.question, turn: row.turn), $0) }
                }
            ) { $1 }
        }
        let (left, right) = (ratings(first), ratings(second))
        let shared = left.keys.filter { right[$0] != nil }.sorted { ($0.question, $0.turn) < ($1.question, $1.turn) }
        let differences = shared.compactMap { place -> (cluster: QuestionID, value: Double)? in
            guard let a = left[place], let b = right[place] else { return nil }
            return (place.question, a - b)
        }
        guard let estimate = clusteredMean(differences), let error = estimate.standardError,
            let bounds = estimate.interval()
        else {
            throw JudgeError(
                .mismatch,
                "\(first.first?.model ?? "the first") and \(second.first?.model ?? "the second") share ratings of fewer "
                    + "than two questions; compare two models judged on the same suite")
        }
        self.first = first.first?.model ?? ""
        self.second = second.first?.model ?? ""
        difference = estimate.mean
        standardError = error
        interval = [bounds.lowerBound, bounds.upperBound]
        pValue = estimate.pValueAgainstZero
        questions = estimate.count
        pairs = shared.count
        unpaired = left.count + right.count - 2 * shared.count
        let freedom = estimate.degreesOfFreedom ?? .infinity
        let half = StudentT.quantile(0.975, degreesOfFreedom: freedom)
        resolvableGap = half * error
        resolvableGapAt80Power = (half + StudentT.quantile(0.8, degreesOfFreedom: freedom)) * error
        let ids = Set(shared.map(\.question)).sorted()
        func means(_ ratings: [Place: Double]) -> [Double] {
            ids.map { id in
                let values = [1, 2].compactMap { turn -> Double? in
                    let place = Place(question: id, turn: turn)
                    return left[place] != nil && right[place] != nil ? ratings[place] : nil
                }
                return values.reduce(0, +) / Double(max(values.count, 1))
            }
        }
        correlation = pearson(means(left), means(right))
        sameJudge = first.first?.judge.first == second.first?.judge.first
    }

    public var significant: Bool { interval[0] > 0 || interval[1] < 0 }

    /// The result in words that claim no more than the numbers hold.
    public var verdict: String {
        // Told from the side of the better one.
        let told = significant && difference < 0 ? [-interval[1], -interval[0]] : interval
        let bounds = "95 % interval \(twoPlaces(told[0])) to \(twoPlaces(told[1]))"
        var words: String
        if significant {
            let (better, worse) = difference > 0 ? (first, second) : (second, first)
            words =
                "\(better) scores \(twoPlaces(abs(difference))) above \(worse), more than \(questions) questions scatter by "
                + "chance (\(bounds))."
        } else {
            words =
                "No difference shown between \(first) and \(second): \(twoPlaces(difference)) (\(bounds)). That is not "
                + "evidence of equality."
        }
        words +=
            " These questions show a difference of \(twoPlaces(resolvableGap)) or more, and find a true gap of "
            + "\(twoPlaces(resolvableGapAt80Power)) four times in five."
        if !sameJudge { words += " The two were graded by different judges, so part of the difference may be theirs." }
        return words
    }
}
