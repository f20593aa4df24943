/// Which of two answers is better, in five steps.
public enum PairVerdict: String, Codable, Sendable, CaseIterable {
    case muchBetterA = "A>>B"
    case betterA = "A>B"
    case tie = "A=B"
    case betterB = "B>A"
    case muchBetterB = "B>>A"

    /// What a judge's reply comes to.
    enum Reading: Equatable, Sendable {
        case verdict(PairVerdict)
        /// Labels that say different things: no verdict, and asking again would not help.
        case contested
        /// Only labels that one of the answers holds itself.
        case repeatsAnswer
        case none
    }

    init?(label: String) {
        switch label {
        case "A>>B", "B<<A": self = .muchBetterA
        case "A>B", "B<A": self = .betterA
        case "A=B", "B=A": self = .tie
        case "B>A", "A<B": self = .betterB
        case "B>>A", "A<<B": self = .muchBetterB
        default: return nil
        }
    }

    /// The verdict if all labels such as `[[A>>B]]` in the text agree, as Arena-Hard reads it.
    ///
    /// - Parameter words: without the judge's thoughts, which may hold any label.
    static func read(_ words: String, besides marks: AnswerMarks = AnswerMarks(of: [])) -> Reading {
        let found = Set(words.matches(of: /\[\[([AB<>=]+)\]\]/).compactMap { PairVerdict(label: String($0.1)) })
        let own = found.subtracting(marks.verdicts)
        guard let first = own.first else { return found.isEmpty ? .none : .repeatsAnswer }
        return own.count == 1 ? .verdict(first) : .contested
    }

    /// What the verdict is worth to assistant A: 1 for a win, 0.5 for a tie, 0 for a loss.
    public var valueOfA: Double {
        switch self {
        case .muchBetterA, .betterA: 1
        case .tie: 0.5
        case .betterB, .muchBetterB: 0
        }
    }

    /// The same in five steps, 1, 0.75, 0.5, 0.25, 0.
    public var gradeOfA: Double {
        switch self {
        case .muchBetterA: 1
        case .betterA: 0.75
        case .tie: 0.5
        case .betterB: 0.25
        case .muchBetterB: 0
        }
    }

    /// Battles that the verdict counts for: Arena-Hard counts a clear win three times.
    public var weight: Double { self == .muchBetterA || self == .muchBetterB ? 3 : 1 }
}
