import ChatClient
import Foundation
import Judge
import LabCore
import Trainer

/// A suite whose questions the trained policies answer, and the model that grades the answers under MT-Bench's prompts.
struct RerunSuite {
    /// The suite's question file.
    let questions: String
    private let suite: MTBenchSuite
    private let judge: MTBenchJudge

    /// - Parameter cache: replies to requests that were sent before.
    init(folder: String, judge model: String, baseURL: String?, keyEnvironment: String?, cache: String) throws {
        suite = try MTBenchSuite(folder: folder)
        questions = URL(filePath: folder + "/question.jsonl").standardizedFileURL.path
        let client = try ChatClient(
            endpoint: ChatEndpoint(baseURL: baseURL, keyEnvironment: keyEnvironment), cache: ResponseCache(cache))
        judge = MTBenchJudge(suite: suite, service: client, settings: JudgeSettings(model: model))
    }

    /// By loss: a question's mean rating for each seed, in the order of the suite's questions; `nil` without a rating.
    func scores(of contenders: [RerunContender], _ tuning: RerunTuning) async throws -> [String: [[Double?]]] {
        var scores: [String: [[Double?]]] = [:]
        let known = Set(
            suite.questions.compactMap { question -> Int? in
                if case .number(let number) = question.id { number } else { nil }
            })
        for contender in contenders {
            guard let best = tuning.best(of: contender) else { continue }
            for report in tuning.reports(of: contender, at: best.setting) {
                let answers = (report.answers["sampled"] ?? []).filter { known.contains($0.questionID) }
                let judgments = try await judge.judge(answers, of: suite.name, questions: .heldOut)
                scores[contender.loss.name, default: []].append(
                    questionScores(of: judgments, questionIDs: answers.map(\.questionID)))
            }
        }
        return scores
    }
}

/// Writes answers in FastChat's `model_answer` layout, so that `losslab judge` and FastChat itself can grade them.
func writeAnswers(_ answers: [Answer], to path: String, model: String) throws {
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
