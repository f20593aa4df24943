import ChatClient

/// One candidate's part of the conversation: its samples with the errors between them, and the feedback at its end.
struct DiscoPOPTurn: Codable, Sendable, Equatable {
    let candidate: Int
    var messages: [ChatMessage]
    /// Whether the last sample was valid and new by the proposer's own check.
    var isValid: Bool
    /// What was wrong with the last invalid sample.
    var problem: String?
    var feedback: [ChatMessage]?
    /// Mean judge score, when it was scored.
    var fitness: Double?
}

/// The turns so far, bounded when they are written into a prompt.
struct DiscoPOPHistory: Sendable {
    private(set) var turns: [DiscoPOPTurn] = []

    var isEmpty: Bool { turns.isEmpty }

    mutating func append(_ turn: DiscoPOPTurn) { turns.append(turn) }

    /// The messages of as many turns as fit beside the others: the oldest are left out first, the best one last.
    func messages(within tokens: Int, besides others: [ChatMessage]) -> [ChatMessage] {
        let best = turns.max { ($0.fitness ?? -.infinity, -$0.candidate) < ($1.fitness ?? -.infinity, -$1.candidate) }
        let kept = best?.fitness == nil ? nil : best?.candidate
        var shown = turns
        var size = Self.tokens(others) + shown.reduce(0) { $0 + Self.tokens(Self.messages(of: $1)) }
        while size > tokens, let oldest = shown.firstIndex(where: { $0.candidate != kept }) {
            size -= Self.tokens(Self.messages(of: shown.remove(at: oldest)))
        }
        if size > tokens { shown.removeAll() }
        return shown.flatMap(Self.messages)
    }

    private static func messages(of turn: DiscoPOPTurn) -> [ChatMessage] { turn.messages + (turn.feedback ?? []) }

    /// An estimate on the safe side: code has some three bytes a token.
    static func tokens(_ messages: [ChatMessage]) -> Int {
        messages.reduce(0) { $0 + $1.content.utf8.count / 3 + 8 }
    }
}
