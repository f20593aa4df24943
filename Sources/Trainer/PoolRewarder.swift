import Foundation
public import LabCore
public import WorkerProtocol

/// Scores answers with a reward model or a text classifier in the pool's workers.
public struct PoolRewarder: Sendable {
    private let pool: WorkerPool
    /// The model's folder or Hub id.
    public let model: String
    /// The class whose probability is the score; `nil` for a reward model.
    public let label: String?
    /// Who answers, so that a policy that continues its questions is graded so; `nil` for answers of anybody.
    private let policy: FinetuneModel?

    public init(pool: WorkerPool, model: String, label: String?, policy: FinetuneModel? = nil) {
        self.pool = pool
        self.model = model
        self.label = label
        self.policy = policy
    }

    public enum Outcome<Value: Sendable>: Sendable {
        case scored(Value)
        /// Model or answers cannot be used; why, in a sentence.
        case unusable(String)
    }

    /// Scores by question, in the order of the answers.
    ///
    /// - Parameter questions: the files that the answered questions are in.
    public func score(_ answers: [Answer], to questions: [String]) async throws -> Outcome<[Double?]> {
        let result = try await run(answers, to: questions)
        if let problem = result.problem { return .unusable(problem) }
        let scores = Dictionary((result.perQuestion ?? []).map { ($0.question, $0.score) }) { first, _ in first }
        return .scored(answers.map { scores[$0.questionID] })
    }

    /// A judgment for every turn of every answer.
    public func judgments(of answers: [Answer], to questions: [String]) async throws -> Outcome<[Judgment]> {
        let result = try await run(answers, to: questions)
        if let problem = result.problem { return .unusable(problem) }
        let unit = label.map { "probability of \($0)" } ?? "reward"
        return .scored(
            (result.perAnswer ?? []).map { scored in
                Judgment(
                    questionID: scored.question, turn: scored.turn - 1, sample: scored.sample, score: scored.score,
                    explanation: unit)
            })
    }

    private func run(_ answers: [Answer], to questions: [String]) async throws -> RewardJobResult {
        let file = FileManager.default.temporaryDirectory.appending(path: "losslab-\(UUID().uuidString).jsonl").path
        try writeAnswers(answers, to: file, model: "policy")
        defer { try? FileManager.default.removeItem(atPath: file) }
        let report = try await pool.run("scoring answers with \(model)", within: .seconds(86_400)) {
            RewardJob(
                id: $0, model: FinetuneModelInput(path: model), answers: file, questions: questions, label: label,
                policy: policy)
        }
        return try report.result(as: RewardJobResult.self)
    }
}
