public import LabCore

/// Grades answers with a reward model or a text classifier in the pool's workers: rewards, or probabilities from 0 to 1.
public struct RewardJudge: AnswerJudge {
    private let rewarder: PoolRewarder
    private let questions: [String: [QuestionSet: String]]

    /// - Parameter questions: the question files of every world that may be judged.
    public init(rewarder: PoolRewarder, questions: [String: [QuestionSet: String]]) {
        self.rewarder = rewarder
        self.questions = questions
    }

    public func judge(_ answers: [Answer], of world: String, questions set: QuestionSet) async throws -> [Judgment] {
        guard let file = questions[world]?[set] else { throw TrainerError.unknownWorld(world) }
        switch try await rewarder.judgments(of: answers, to: [file]) {
        case .scored(let judgments): return judgments
        case .unusable(let problem): throw TrainerError.unusable(problem)
        }
    }
}
