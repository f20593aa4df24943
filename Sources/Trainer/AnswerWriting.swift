import Foundation
public import LabCore

/// Writes answers in FastChat's `model_answer` layout, so that `losslab judge` and FastChat itself can grade them.
public func writeAnswers(_ answers: [Answer], to path: String, model: String) throws {
    struct Row: Encodable {
        struct Choice: Encodable {
            let index: Int
            let turns: [String]
        }
        let questionID: Int
        let answerID: String
        let modelID: String
        let choices: [Choice]

        enum CodingKeys: String, CodingKey {
            case questionID = "question_id"
            case answerID = "answer_id"
            case modelID = "model_id"
            case choices
        }
    }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    var lines = Data()
    for answer in answers {
        let choices = answer.samples.enumerated().map { Row.Choice(index: $0, turns: $1) }
        lines += try encoder.encode(
            Row(
                questionID: answer.questionID, answerID: "\(model)-\(answer.questionID)", modelID: model,
                choices: choices))
        lines += Data("\n".utf8)
    }
    let url = URL(filePath: path)
    try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
    try lines.write(to: url, options: .atomic)
}
