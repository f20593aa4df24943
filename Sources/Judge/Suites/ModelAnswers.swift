import Foundation

/// What one model answered to the questions of a suite: a `model_answer` file.
public struct ModelAnswers: Sendable {
    /// The file's name without `.jsonl`, as FastChat names models.
    public let model: String
    public let path: String
    /// The first choice's turns by question; a question answered twice keeps the later answer, as in FastChat.
    public let turns: [QuestionID: [String]]

    public init(model: String, path: String = "", turns: [QuestionID: [String]]) {
        self.model = model
        self.path = path
        self.turns = turns
    }

    /// What tools write in place of an answer that their requests did not bring.
    static let failure = "$ERROR$"

    /// Whether one of these turns is no answer of the model at all.
    static func failed(_ turns: some Sequence<String>) -> Bool { turns.contains(failure) }

    private struct Row: Decodable {
        struct Choice: Decodable {
            let turns: [Turn]
        }
        /// A text, or Arena-Hard's object with `content`.
        struct Turn: Decodable {
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
        let id: QuestionID
        let choices: [Choice]

        enum CodingKeys: String, CodingKey {
            case choices
            case id = "question_id"
        }
    }

    /// - Parameter model: the name to report; the file's name when `nil`.
    public static func read(_ path: String, model: String? = nil) throws -> ModelAnswers {
        let rows: [Row] = try readJSONLines(path)
        guard !rows.isEmpty else { throw JudgeError(.malformed, "\(path) holds no answer") }
        var turns: [QuestionID: [String]] = [:]
        for row in rows {
            guard let choice = row.choices.first else {
                throw JudgeError(.malformed, "\(path): the answer to question \(row.id) has no choice")
            }
            turns[row.id] = choice.turns.map(\.content)
        }
        let name = URL(filePath: path).lastPathComponent
        let stem = name.hasSuffix(".jsonl") ? String(name.dropLast(6)) : name
        return ModelAnswers(model: model ?? stem, path: path, turns: turns)
    }

    private struct WrittenRow: Encodable {
        struct Choice: Encodable {
            let index = 0
            let turns: [String]
        }
        let id: QuestionID
        let model: String
        let choices: [Choice]

        enum CodingKeys: String, CodingKey {
            case choices
            case id = "question_id"
            case model = "model_id"
        }
    }

    /// Writes a file that `read` and FastChat read, whole or not at all.
    public func write(to path: String) throws {
        try LineLog(path: path).replace(
            with: turns.sorted { $0.key < $1.key }.map { id, turns in
                try jsonLine(WrittenRow(id: id, model: model, choices: [.init(turns: turns)]))
            })
    }

    /// The answers to a question, at least as many as it has turns.
    ///
    /// - Throws: `JudgeError` where there are fewer.
    public func answers(to question: SuiteQuestion) throws -> [String] {
        guard let answers = turns[question.id] else {
            throw JudgeError(.mismatch, "\(model) has no answer to question \(question.id) (\(path))")
        }
        guard answers.count >= question.turns.count else {
            throw JudgeError(
                .mismatch,
                "\(model) answered \(answers.count) of \(question.turns.count) turns of question \(question.id) (\(path))"
            )
        }
        return answers
    }
}
