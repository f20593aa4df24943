import Foundation

/// The two games of one question in Arena-Hard's layout: a row of `JUDGE_pairwise.jsonl`.
public struct PairRow: Codable, Sendable {
    public struct Game: Codable, Sendable {
        public let userPrompt: String
        /// The judge's words, of all attempts; `$ERROR$` when the judge gave none.
        public let judgment: String
        /// `nil` without a verdict.
        public let score: PairVerdict?

        enum CodingKeys: String, CodingKey {
            case judgment, score
            case userPrompt = "user_prompt"
        }
    }

    public let question: QuestionID
    public let model: String
    public let baseline: String
    public let judge: String
    /// The baseline is assistant A in the first game and assistant B in the second.
    public let games: [Game]
    /// Characters of the model's and the baseline's answer.
    public let lengths: [Int]
    /// Seconds since 1970.
    public let time: Double

    enum CodingKeys: String, CodingKey {
        case model, baseline, judge, games, lengths
        case question = "question_id"
        case time = "tstamp"
    }

    /// What each game was worth to the model, 1, 0.5 or 0; `nil` without a verdict.
    public var values: [Double?] {
        games.enumerated().map { index, game in
            game.score.map { index == 0 ? 1 - $0.valueOfA : $0.valueOfA }
        }
    }

    /// Mean of the games that have a verdict.
    public var value: Double? {
        let known = values.compactMap { $0 }
        return known.isEmpty ? nil : known.reduce(0, +) / Double(known.count)
    }
}
