import Foundation
import LabCore

/// Reads answers in FastChat's `model_answer` layout: one JSON object a line, one choice a sample.
enum AnswerFile {
    private struct Row: Decodable {
        struct Choice: Decodable {
            let index: Int
            let turns: [String]
        }

        let questionID: Int
        let choices: [Choice]

        enum CodingKeys: String, CodingKey {
            case questionID = "question_id"
            case choices
        }
    }

    static func read(_ path: String) throws -> [Answer] {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw TrainerError.badAnswers(path: path, reason: "the file cannot be read")
        }
        let decoder = JSONDecoder()
        return try data.split(separator: UInt8(ascii: "\n")).enumerated().map { index, line in
            do {
                let row = try decoder.decode(Row.self, from: Data(line))
                let samples = row.choices.sorted { $0.index < $1.index }.map(\.turns)
                return Answer(questionID: row.questionID, samples: samples)
            } catch let error as DecodingError {
                throw TrainerError.badAnswers(path: path, reason: "line \(index + 1): \(error.sentence)")
            }
        }
    }
}
