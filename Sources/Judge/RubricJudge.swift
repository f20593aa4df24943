import Foundation
public import LabCore

/// Grades by a machine-checkable rubric per question: the embedded benchmark's judge, free and without noise.
public struct RubricJudge: AnswerJudge {
    /// Reads the rubric rows of a world, once per world.
    private let rubrics: [String: [Int: Rubric]]

    /// - Parameter files: the rubric file (JSON lines) of each world that may be judged.
    public init(files: [String: String]) throws {
        rubrics = try files.mapValues(Self.read)
    }

    public func judge(_ answers: [Answer], of world: String, questions: QuestionSet) async throws -> [Judgment] {
        guard let rows = rubrics[world] else { throw RubricError.unknownWorld(world) }
        var judgments: [Judgment] = []
        for answer in answers {
            guard let rubric = rows[answer.questionID] else {
                throw RubricError.noRubric(question: answer.questionID, world: world)
            }
            for (sample, turns) in answer.samples.enumerated() {
                guard turns.count == rubric.turns.count else {
                    throw RubricError.turnCount(
                        question: answer.questionID, expected: rubric.turns.count, found: turns.count)
                }
                for (turn, text) in turns.enumerated() {
                    let rule = rubric.turns[turn]
                    judgments.append(
                        Judgment(
                            questionID: answer.questionID, turn: turn, sample: sample, score: rule.score(of: text),
                            explanation: rule.explanation(of: text)))
                }
            }
        }
        return judgments
    }

    static func read(_ path: String) throws -> [Int: Rubric] {
        guard let data = FileManager.default.contents(atPath: path) else { throw RubricError.unreadable(path) }
        let decoder = JSONDecoder()
        var rows: [Int: Rubric] = [:]
        for (index, line) in data.split(separator: UInt8(ascii: "\n")).enumerated() {
            do {
                let rubric = try decoder.decode(Rubric.self, from: Data(line))
                for turn in rubric.turns {
                    let total = turn.checks.reduce(0) { $0 + $1.weight }
                    guard abs(total - 1) < 1e-6 else {
                        throw RubricError.badRow(path, line: index + 1, reason: "weights sum to \(total), not 1")
                    }
                }
                rows[rubric.questionID] = rubric
            } catch let error as DecodingError {
                throw RubricError.badRow(path, line: index + 1, reason: error.sentence)
            }
        }
        return rows
    }
}

/// What can be wrong with a rubric file or with what it is asked to grade.
public enum RubricError: Error, CustomStringConvertible {
    case unreadable(String)
    case badRow(String, line: Int, reason: String)
    case unknownWorld(String)
    case noRubric(question: Int, world: String)
    case turnCount(question: Int, expected: Int, found: Int)

    public var description: String {
        switch self {
        case .unreadable(let path):
            "the rubric file \(path) cannot be read; rebuild the world or check the path"
        case .badRow(let path, let line, let reason):
            "line \(line) of the rubric file \(path) is not a rubric: \(reason)"
        case .unknownWorld(let world):
            "no rubric is loaded for the world \(world); `losslab evaluation list` shows the worlds"
        case .noRubric(let question, let world):
            "question \(question) has no rubric in the world \(world); its question and rubric files do not match"
        case .turnCount(let question, let expected, let found):
            "question \(question) has \(expected) turns in its rubric, but the answer has \(found)"
        }
    }
}
