import Judge
import LabCore
import Trainer

extension UntrainedScore {
    /// In a world of the embedded benchmark: at temperatures 1, 0.7 and 0.3, over several sampling seeds, and greedily.
    static func measure(
        in world: WorldDescription, questions: QuestionSet, seeds: [Int], pool: WorkerPool
    ) async throws -> [UntrainedScore] {
        try await measure(
            by: PoolTrainer(pool: pool, worlds: [world], extraTemperatures: [1, 0.3]),
            try RubricJudge(files: [world.name: world.rubric]), in: world.name, questions: questions, seeds: seeds,
            decodings: [
                ("t1.0", "T=1"), ("sampled", "T=\(compact(world.sampling.temperature))"), ("t0.3", "T=0.3"),
                ("greedy", "greedy"),
            ])
    }

    /// - Parameter decodings: the trainer's names of samplings, and what tables call them.
    static func measure(
        by trainer: any PolicyTrainer, _ judge: any AnswerJudge, in world: String, questions: QuestionSet,
        seeds: [Int], decodings: [(name: String, label: String)]
    ) async throws -> [UntrainedScore] {
        // Nothing is trained, so neither matters; a trainer may refuse zeros all the same.
        let setting = Setting(learningRate: 1, beta: 1)
        var tables: [String: [[Double]]] = [:]
        for seed in seeds {
            let spec = TrialSpec(world: world, fidelity: .full, setting: setting, seed: seed, questionSet: questions)
            guard case .trained(let report) = try await trainer.train(nil, as: spec) else { continue }
            for (name, answers) in report.answers {
                let judgments = try await judge.judge(answers, of: world, questions: questions)
                let scores = questionScores(of: judgments, questionIDs: answers.map(\.questionID))
                tables[name, default: []].append(scores.compactMap { $0 })
            }
        }
        return decodings.compactMap { name, label in
            guard let estimate = tables[name].flatMap(CrossedScores.init)?.estimate else { return nil }
            return UntrainedScore(
                decoding: label, score: estimate.mean, standardError: estimate.standardError ?? 0)
        }
    }
}
