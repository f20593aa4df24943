import LabCore

/// What a judge's own ratings tell about its noise and about the gaps its suite can resolve.
public struct JudgeCalibration: Codable, Sendable {
    /// How far a judge agrees with itself on the same request.
    public struct Rejudging: Codable, Sendable {
        /// Requests with two or more ratings.
        public let requests: Int
        /// Shares of pairs of ratings of one request.
        public let identical: Double
        public let withinOne: Double
        /// Standard deviation of one rating about the judge's own mean for that request.
        public let sdOfOneRating: Double
        /// What that noise alone adds to the standard error of a full score of this suite.
        public let standardErrorOfScore: Double
    }

    public let models: Int
    /// Questions per score (median over models).
    public let questions: Int
    /// Medians over models.
    public let sdOfQuestionMeans: Double
    public let scoreStandardError: Double
    public let correlationOfTurns: Double?
    /// Medians over all pairs of models; `nil` for a single model.
    public let pairs: Int
    public let differenceStandardError: Double?
    public let correlationOfModels: Double?
    public let rejudging: Rejudging?
    /// Whether the paired error was measured on these files or taken from MT-Bench's published judgments.
    public let pairedErrorMeasured: Bool
    /// Smallest difference that is significant at 95 % when observed.
    public let resolvableGap: Double
    /// Smallest true gap that is found with 80 % probability.
    public let resolvableGapAt80Power: Double
    public let resolution: JudgeResolution

    /// - Parameters:
    ///   - rows: rows of one or more models.
    ///   - repeats: groups of ratings of the same request.
    ///   - questionsOfSuite: for rows of a part of the suite: how many questions all of it has, for which errors and gaps
    ///     are then given.
    public init(of rows: [JudgmentRow], repeats: [[Double]], questionsOfSuite: Int? = nil) throws {
        let groups = rowsByModel(rows).sorted { $0.key < $1.key }.map(\.value)
        let means = groups.map(Self.questionMeans)
        let deviations = means.compactMap { standardDeviation(Array($0.values)) }
        let scores = groups.map { JudgeScore(of: $0) }
        guard let sd = median(deviations), let measured = median(scores.compactMap(\.standardError)),
            let count = median(scores.map { Double($0.questions) })
        else {
            throw JudgeError(.mismatch, "calibrating takes ratings of at least two questions")
        }
        models = groups.count
        questions = questionsOfSuite ?? Int(count)
        let part = (count / Double(max(questions, 1))).squareRoot()
        let error = measured * part
        sdOfQuestionMeans = sd
        scoreStandardError = error
        correlationOfTurns = median(groups.compactMap(Self.turnCorrelation))
        var comparisons: [JudgeComparison] = []
        for (index, left) in groups.enumerated() {
            for right in groups[(index + 1)...] {
                if let pair = try? JudgeComparison(left, right) { comparisons.append(pair) }
            }
        }
        pairs = comparisons.count
        differenceStandardError = median(comparisons.map(\.standardError)).map { $0 * part }
        correlationOfModels = median(comparisons.compactMap(\.correlation))
        rejudging = Self.rejudging(
            repeats, rowsPerScore: Double(rows.count { $0.score != nil }) / Double(max(groups.count, 1)) / (part * part)
        )
        pairedErrorMeasured = differenceStandardError != nil
        // The correlation that gives the measured paired error, so that one formula answers all questions.
        let correlation = differenceStandardError.map { 1 - $0 * $0 / (2 * error * error) }
        resolution = JudgeResolution(
            questions: questions, sd: error * Double(questions).squareRoot(),
            correlation: correlation ?? JudgeResolution.mtBench.correlation)
        resolvableGap = resolution.gap()
        resolvableGapAt80Power = resolution.gap(power: 0.8)
    }

    private static func questionMeans(_ rows: [JudgmentRow]) -> [QuestionID: Double] {
        Dictionary(grouping: rows.filter { $0.score != nil }, by: \.question)
            .mapValues { $0.compactMap(\.score).reduce(0, +) / Double($0.count) }
    }

    private static func turnCorrelation(_ rows: [JudgmentRow]) -> Double? {
        let byQuestion = Dictionary(grouping: rows, by: \.question).sorted { $0.key < $1.key }
        let pairs = byQuestion.compactMap { _, rows -> (Double, Double)? in
            guard let one = rows.first(where: { $0.turn == 1 })?.score,
                let two = rows.first(where: { $0.turn == 2 })?.score
            else { return nil }
            return (one, two)
        }
        return pearson(pairs.map(\.0), pairs.map(\.1))
    }

    private static func rejudging(_ repeats: [[Double]], rowsPerScore: Double) -> Rejudging? {
        let groups = repeats.filter { $0.count > 1 }
        guard !groups.isEmpty else { return nil }
        var (pairs, identical, near) = (0, 0, 0)
        var (squares, freedom) = (0.0, 0)
        for group in groups {
            for (index, left) in group.enumerated() {
                for right in group[(index + 1)...] {
                    pairs += 1
                    if left == right { identical += 1 }
                    if abs(left - right) <= 1 { near += 1 }
                }
            }
            let mean = group.reduce(0, +) / Double(group.count)
            squares += group.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
            freedom += group.count - 1
        }
        let sd = (squares / Double(freedom)).squareRoot()
        return Rejudging(
            requests: groups.count, identical: Double(identical) / Double(pairs),
            withinOne: Double(near) / Double(pairs), sdOfOneRating: sd,
            standardErrorOfScore: sd / max(rowsPerScore, 1).squareRoot())
    }
}

/// Ratings of the same request, gathered from files in which it was judged more than once.
///
/// Requests are the same when judge, prompt and text are; a request judged once gives no group.
public func repeatedRatings(in files: [[JudgmentRow]]) -> [[Double]] {
    struct Request: Hashable {
        let judge: [String]
        let prompt: String
    }
    var groups: [Request: [Double]] = [:]
    for row in files.joined() {
        guard let score = row.score else { continue }
        groups[Request(judge: row.judge, prompt: row.userPrompt), default: []].append(score)
    }
    return groups.filter { $0.value.count > 1 }.sorted { $0.key.prompt < $1.key.prompt }.map(\.value)
}
