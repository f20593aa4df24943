import LabCore

/// A model's score on a suite with single-answer grading, and all that is needed to read it.
public struct JudgeScore: Codable, Sendable {
    public let model: String
    public let judge: String
    /// Mean over all rated rows of both turns: FastChat's rule, over ratings from 1 to 10 in the judge's own words.
    public let score: Double?
    /// The mean as FastChat takes it: over every number that its patterns find, also in thoughts and off the scale.
    public let fastChatScore: Double?
    public let turn1: Double?
    public let turn2: Double?
    /// Standard error of the score over questions.
    public let standardError: Double?
    /// 95 % interval of the score, lower and upper end.
    public let interval: [Double]?
    /// Mean over the rated rows of each category.
    public let categories: [String: Double]
    public let categoryStandardErrors: [String: Double]
    /// Questions with at least one rating.
    public let questions: Int
    /// Rows with a rating.
    public let ratings: Int
    /// Answers that were marked as failed and never graded.
    public let failedAnswers: Int
    /// Rows without a rating, left out of every mean.
    public let unparsed: Int
    public let unparsedReasons: [String: Int]
    /// US dollars spent on these judgments; `nil` when the price is not known.
    public let cost: Double?
    public let promptTokens: Int
    public let completionTokens: Int
    /// Rows with at least one flag.
    public let flagged: Int
    public let flags: [FlaggedAnswer]

    /// A row with flags, to look it up.
    public struct FlaggedAnswer: Codable, Sendable, Equatable {
        public let questionID: QuestionID
        public let turn: Int
        public let flags: [AnswerFlag]
    }

    /// - Parameters:
    ///   - rows: one model's rows, one a call.
    ///   - notes: of the same calls, where there are any; rows of FastChat's own files have none.
    ///   - categories: of each question; questions that are not in it count in no category.
    public init(
        of rows: [JudgmentRow], notes: [CallNote] = [], categories categoryOf: [QuestionID: String] = [:],
        failedAnswers: Int = 0
    ) {
        self.failedAnswers = failedAnswers
        func mean(_ rows: [JudgmentRow]) -> Estimate? {
            clusteredMean(rows.compactMap { row in row.score.map { (row.question, $0) } })
        }
        let all = mean(rows)
        model = rows.first?.model ?? ""
        judge = rows.first?.judge.first ?? ""
        score = all?.mean
        fastChatScore = clusteredMean(rows.compactMap { row in row.fastChatScore.map { (row.question, $0) } })?.mean
        turn1 = mean(rows.filter { $0.turn == 1 })?.mean
        turn2 = mean(rows.filter { $0.turn == 2 })?.mean
        standardError = all?.standardError
        interval = all?.interval().map { [$0.lowerBound, $0.upperBound] }
        var groups: [String: [JudgmentRow]] = [:]
        for row in rows { if let category = categoryOf[row.question] { groups[category, default: []].append(row) } }
        let estimates = groups.compactMapValues(mean)
        categories = estimates.mapValues(\.mean)
        categoryStandardErrors = estimates.compactMapValues(\.standardError)
        questions = all?.count ?? 0
        ratings = rows.count { $0.score != nil }
        unparsed = rows.count - ratings
        var reasons: [String: Int] = [:]
        let noteOf = Dictionary(notes.map { (Place($0.questionID, $0.turn), $0) }) { $1 }
        for row in rows where row.score == nil {
            let reason =
                noteOf[Place(row.question, row.turn)]?.unparsed
                ?? (row.judgment == JudgmentRow.apiError ? .apiError : .noRating)
            reasons[reason.rawValue, default: 0] += 1
        }
        unparsedReasons = reasons
        cost = notes.isEmpty ? nil : totalCost(notes.map(\.cost))
        promptTokens = total(notes.map(\.promptTokens))
        completionTokens = total(notes.map(\.completionTokens))
        flags = notes.filter { !$0.flags.isEmpty }.map {
            FlaggedAnswer(questionID: $0.questionID, turn: $0.turn, flags: $0.flags)
        }
        flagged = flags.count
    }

    private struct Place: Hashable {
        let question: QuestionID
        let turn: Int

        init(_ question: QuestionID, _ turn: Int) {
            self.question = question
            self.turn = turn
        }
    }
}

/// The rows of each model in a judgment file, by name.
public func rowsByModel(_ rows: [JudgmentRow]) -> [String: [JudgmentRow]] {
    Dictionary(grouping: rows, by: \.model)
}
