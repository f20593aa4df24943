/// One question of a suite: what the user says, turn by turn.
public struct SuiteQuestion: Decodable, Sendable, Equatable {
    public let id: QuestionID
    public let category: String
    /// What the user says at each turn; at least one.
    public let turns: [String]
    /// The question's own reference answers, one a turn; empty in most files.
    public let reference: [String]

    public init(id: QuestionID, category: String, turns: [String], reference: [String] = []) {
        self.id = id
        self.category = category
        self.turns = turns
        self.reference = reference
    }

    enum CodingKeys: String, CodingKey {
        case category, turns, reference
        case id = "question_id"
    }

    /// A turn is a text in MT-Bench's files and an object with `content` in Arena-Hard's.
    private struct Turn: Decodable {
        let content: String

        init(from decoder: any Decoder) throws {
            if let text = try? decoder.singleValueContainer().decode(String.self) {
                content = text
            } else {
                content = try decoder.container(keyedBy: Key.self).decode(String.self, forKey: .content)
            }
        }

        enum Key: String, CodingKey { case content }
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        id = try container.decode(QuestionID.self, forKey: .id)
        category = try container.decodeIfPresent(String.self, forKey: .category) ?? "general"
        turns = try container.decode([Turn].self, forKey: .turns).map(\.content)
        reference = (try? container.decodeIfPresent([String].self, forKey: .reference)) ?? []
        guard !turns.isEmpty else {
            throw DecodingError.dataCorruptedError(
                forKey: .turns, in: container, debugDescription: "question \(id) has no turn")
        }
    }

    /// Reads a question file and refuses one that is empty or names a question twice.
    public static func read(_ path: String) throws -> [SuiteQuestion] {
        let questions: [SuiteQuestion] = try readJSONLines(path)
        guard !questions.isEmpty else { throw JudgeError(.malformed, "\(path) holds no question") }
        var seen: Set<QuestionID> = []
        for question in questions where !seen.insert(question.id).inserted {
            throw JudgeError(.malformed, "\(path) holds the question \(question.id) twice")
        }
        return questions
    }
}
