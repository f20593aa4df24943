/// What a program can check about the answers to one question.
public struct Rubric: Codable, Sendable, Equatable {
    public let questionID: Int
    /// One per turn.
    public let turns: [TurnRubric]

    enum CodingKeys: String, CodingKey {
        case questionID = "question_id"
        case turns
    }
}

public struct TurnRubric: Codable, Sendable, Equatable {
    /// Weights sum to 1.
    public let checks: [RubricCheck]
}

/// One weighted check; `value(of:)` is between 0 and 1.
public struct RubricCheck: Codable, Sendable, Equatable {
    public enum Kind: String, Codable, Sendable {
        case sequence, bag, begins, ends, avoids, length, noRepeats
    }

    public let kind: Kind
    public let weight: Double
    public let expected: [String]?
    public let ignore: [String]?
    public let words: [String]?
    public let zeroAt: Double?
    public let atLeast: Double?
    public let atMost: Double?
    public let slack: Double?
}

extension TurnRubric {
    /// Score of an answer, 1-10: `1 + 9 * sum(weight * value)`; an empty answer scores 1.
    public func score(of answer: String) -> Double {
        let words = answer.split(whereSeparator: \.isWhitespace).map(String.init)
        guard !words.isEmpty else { return 1 }
        return 1 + 9 * checks.reduce(0) { $0 + $1.weight * $1.value(of: words) }
    }

    /// The value of each check, for the judgment's explanation.
    public func explanation(of answer: String) -> String {
        let words = answer.split(whereSeparator: \.isWhitespace).map(String.init)
        guard !words.isEmpty else { return "empty answer" }
        return checks.map { "\($0.kind.rawValue) \(($0.value(of: words) * 1000).rounded() / 1000)" }
            .joined(separator: ", ")
    }
}
