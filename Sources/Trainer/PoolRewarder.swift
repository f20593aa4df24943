import Foundation
public import LabCore
import WorkerProtocol

/// Scores answers with a reward model or a text classifier in the pool's workers.
public struct PoolRewarder: Sendable {
    private let pool: WorkerPool
    /// The model's folder or Hub id.
    public let model: String
    /// The class whose probability is the score; `nil` for a reward model.
    public let label: String?

    public init(pool: WorkerPool, model: String, label: String?) {
        self.pool = pool
        self.model = model
        self.label = label
    }

    public enum Outcome: Sendable {
        /// By question, in the order of the answers.
        case scored([Double?])
        /// Model or answers cannot be used; why, in a sentence.
        case unusable(String)
    }

    /// - Parameter questions: the files that the answered questions are in.
    public func score(_ answers: [Answer], to questions: [String]) async throws -> Outcome {
        let file = FileManager.default.temporaryDirectory.appending(path: "losslab-\(UUID().uuidString).jsonl").path
        try writeAnswers(answers, to: file, model: "policy")
        defer { try? FileManager.default.removeItem(atPath: file) }
        let report = try await pool.run("scoring answers with \(model)", within: .seconds(86_400)) {
            RewardJob(
                id: $0, model: FinetuneModelInput(path: model), answers: file, questions: questions, label: label)
        }
        let result = try report.result(as: RewardJobResult.self)
        if let problem = result.problem { return .unusable(problem) }
        let scores = Dictionary((result.perQuestion ?? []).map { ($0.question, $0.score) }) { first, _ in first }
        return .scored(answers.map { scores[$0.questionID] })
    }
}
