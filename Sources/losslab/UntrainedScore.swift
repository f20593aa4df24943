import Judge
import LabCore
import Trainer

extension UntrainedScore {
    /// At temperatures 1, 0.7 and 0.3, over several sampling seeds, and greedily.
    static func measure(
        in world: WorldDescription, questions: QuestionSet, seeds: [Int], pool: WorkerPool
    ) async throws -> [UntrainedScore] {
        let trainer = PoolTrainer(pool: pool, worlds: [world], extraTemperatures: [1, 0.3])
        let judge = try RubricJudge(files: [world.name: world.rubric])
        let setting = Setting(learningRate: 0, beta: 0)
        var tables: [String: [[Double]]] = [:]
        for seed in seeds {
            let spec = TrialSpec(
                world: world.name, fidelity: .full, setting: setting, seed: seed, questionSet: questions)
            guard case .trained(let report) = try await trainer.train(nil, as: spec) else { continue }
            for (name, answers) in report.answers {
                let judgments = try await judge.judge(answers, of: world.name, questions: questions)
                let scores = questionScores(of: judgments, questionIDs: answers.map(\.questionID))
                tables[name, default: []].append(scores.compactMap { $0 })
            }
        }
        let names = [
            ("t1.0", "T=1"), ("sampled", "T=\(compact(world.sampling.temperature))"), ("t0.3", "T=0.3"),
            ("greedy", "greedy"),
        ]
        return names.compactMap { key, label in
            guard let estimate = tables[key].flatMap(CrossedScores.init)?.estimate else { return nil }
            return UntrainedScore(
                decoding: label, score: estimate.mean, standardError: estimate.standardError ?? 0)
        }
    }
}
