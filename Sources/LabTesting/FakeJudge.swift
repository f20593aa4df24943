public import LabCore

/// Reads the score that a `FakeTrainer` wrote as the answer.
public struct FakeJudge: AnswerJudge {
    public init() {}

    public func judge(_ answers: [Answer], of world: String, questions: QuestionSet) async throws -> [Judgment] {
        answers.flatMap { answer in
            answer.samples.enumerated().flatMap { sample, turns in
                turns.enumerated().map { turn, text in
                    Judgment(
                        questionID: answer.questionID, turn: turn, sample: sample, score: Double(text),
                        explanation: "read from the answer")
                }
            }
        }
    }
}
