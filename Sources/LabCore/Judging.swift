/// One verdict on one answer turn.
public struct Judgment: Codable, Sendable, Equatable {
    public let questionID: Int
    /// 0 or 1.
    public let turn: Int
    public let sample: Int
    /// 1-10; `nil` when the judge's reply held no rating.
    public let score: Double?
    /// The judge's own words, or the checks' values for a programmatic rubric.
    public let explanation: String

    public init(questionID: Int, turn: Int, sample: Int, score: Double?, explanation: String) {
        self.questionID = questionID
        self.turn = turn
        self.sample = sample
        self.score = score
        self.explanation = explanation
    }
}

/// Mean judge score per question over turns and samples, in the order of `questionIDs`.
///
/// A question none of whose turns has a rating is `nil`.
public func questionScores(of judgments: [Judgment], questionIDs: [Int]) -> [Double?] {
    var sums: [Int: (sum: Double, count: Int)] = [:]
    for judgment in judgments {
        guard let score = judgment.score else { continue }
        let old = sums[judgment.questionID] ?? (0, 0)
        sums[judgment.questionID] = (old.sum + score, old.count + 1)
    }
    return questionIDs.map { id in sums[id].map { $0.sum / Double($0.count) } }
}
