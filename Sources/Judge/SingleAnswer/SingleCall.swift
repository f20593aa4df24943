/// One request of single-answer grading: which answer, under which prompt, and the exact texts.
public struct SingleCall: Sendable, Equatable {
    public let question: QuestionID
    public let category: String
    /// 1 or 2, as FastChat counts.
    public let turn: Int
    public let promptName: String
    public let system: String
    public let user: String
    /// The answer of this turn, as it was given.
    public let answer: String
}

extension MTBenchSuite {
    /// All requests for one model's answers, in FastChat's order: first turns, then second turns.
    ///
    /// A question that does not have exactly two turns has no second request, as in FastChat.
    public func calls(for answers: ModelAnswers, judge: String) throws -> [SingleCall] {
        try [1, 2].flatMap { turn in
            try questions.filter { turn == 1 || $0.turns.count == 2 }.map { question in
                try call(question, turn: turn, answers: answers.answers(to: question), judge: judge)
            }
        }
    }

    /// The request for one turn of one answer.
    func call(
        _ question: SuiteQuestion, turn: Int, answers given: [String], judge: String
    ) throws -> SingleCall {
        let wantsReference = Self.referenceCategories.contains(question.category)
        let name = (wantsReference ? "single-math-v1" : "single-v1") + (turn == 2 ? "-multi-turn" : "")
        guard let prompt = prompts[name] else {
            throw JudgeError(.mismatch, "the suite \(self.name) has no prompt named \(name)")
        }
        guard prompt.type == "single", prompt.outputFormat == "[[rating]]" else {
            throw JudgeError(.mismatch, "the prompt \(name) of the suite \(self.name) does not ask for a [[rating]]")
        }
        // Only answers are untrusted: questions and references are the suite's.
        let answers = given.map { defused($0, in: prompt.template) }
        var values: [String: String]
        if turn == 2 {
            values = [
                "question_1": question.turns[0], "question_2": question.turns[1],
                "answer_1": answers[0], "answer_2": answers[1],
            ]
        } else {
            values = ["question": question.turns[0], "answer": answers[0]]
        }
        if wantsReference {
            guard let reference = reference(for: question, judge: judge), reference.count >= turn else {
                throw JudgeError(
                    .mismatch,
                    "question \(question.id) (\(question.category)) is graded beside a reference answer, "
                        + "and the suite \(self.name) has none with \(turn) turns")
            }
            values["ref_answer_1"] = reference[0]
            if turn == 2 { values["ref_answer_2"] = reference[1] }
        }
        return SingleCall(
            question: question.id, category: question.category, turn: turn, promptName: name, system: prompt.system,
            user: try prompt.template.filled(with: values), answer: given[turn - 1])
    }
}
