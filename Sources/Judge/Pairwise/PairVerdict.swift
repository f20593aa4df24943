/// Which of two answers is better, in five steps.
public enum PairVerdict: String, Codable, Sendable, CaseIterable {
    case muchBetterA = "A>>B"
    case betterA = "A>B"
    case tie = "A=B"
    case betterB = "B>A"
    case muchBetterB = "B>>A"

    /// What a judge's reply comes to.
    public enum Reading: Equatable, Sendable {
        case verdict(PairVerdict)
        /// Labels that say different things: no verdict, and asking again would not help.
        case contested
        case none
    }

    /// The verdict if all labels such as `[[A>>B]]` in the text agree, as Arena-Hard reads it.
    public static func read(_ judgment: String) -> Reading {
        let found = Set(
            judgment.matches(of: /\[\[([AB<>=]+)\]\]/).compactMap { match -> PairVerdict? in
                switch String(match.1) {
                case "A>>B", "B<<A": .muchBetterA
                case "A>B", "B<A": .betterA
                case "A=B", "B=A": .tie
                case "B>A", "A<B": .betterB
                case "B>>A", "A<<B": .muchBetterB
                default: nil
                }
            })
        guard let first = found.first else { return .none }
        return found.count == 1 ? .verdict(first) : .contested
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
