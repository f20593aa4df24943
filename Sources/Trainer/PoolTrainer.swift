import Foundation
public import LabCore
import WorkerProtocol

/// Trains and samples in the pool's workers.
public struct PoolTrainer: PolicyTrainer {
    private let pool: WorkerPool
    private let worlds: [String: WorldDescription]
    /// Where each training leaves its answers; `nil` removes them once they are read.
    private let keepFiles: (@Sendable (LossSource?, TrialSpec) -> String)?
    private let timeLimit: Duration
    /// Decodings beside the world's own and greedy, for the untrained policy's table.
    private let extraTemperatures: [Double]

    public init(
        pool: WorkerPool, worlds: [WorldDescription], timeLimit: Duration = .seconds(600),
        extraTemperatures: [Double] = [], keepFiles: (@Sendable (LossSource?, TrialSpec) -> String)? = nil
    ) {
        self.pool = pool
        self.worlds = Dictionary(worlds.map { ($0.name, $0) }) { first, _ in first }
        self.timeLimit = timeLimit
        self.extraTemperatures = extraTemperatures
        self.keepFiles = keepFiles
    }

    public func train(_ loss: LossSource?, as spec: TrialSpec) async throws -> TrainingOutcome {
        guard let world = worlds[spec.world] else { throw TrainerError.unknownWorld(spec.world) }
        let folder =
            keepFiles?(loss, spec)
            ?? FileManager.default.temporaryDirectory.appending(path: "losslab-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { if keepFiles == nil { try? FileManager.default.removeItem(atPath: folder) } }
        let label = "training with \(loss?.name ?? "no loss") (\(spec.setting), seed \(spec.seed), \(spec.world))"
        let report = try await pool.run(label, within: timeLimit) {
            job(id: $0, loss: loss, spec: spec, world: world, output: folder)
        }
        if let rejection = report.rejection { return .rejected(rejection) }
        return .trained(try trainingReport(try report.result(as: TrainJobResult.self), in: folder))
    }

    private func job(
        id: String, loss: LossSource?, spec: TrialSpec, world: WorldDescription, output: String
    ) -> TrainJob {
        var sampling = [
            SamplingSettings(
                name: "sampled", temperature: world.sampling.temperature, samples: world.sampling.samples),
            SamplingSettings(name: "greedy", temperature: 0, samples: 1),
        ]
        sampling += extraTemperatures.map {
            SamplingSettings(name: "t\($0)", temperature: $0, samples: world.sampling.samples)
        }
        return TrainJob(
            id: id, loss: loss.map { NamedSource(name: $0.name, source: $0.text) }, beta: spec.setting.beta,
            policy: world.policy,
            pairs: PairsInput(path: world.pairs[spec.pairPool] ?? "", count: spec.pairCount),
            training: TrainingSettings(
                learningRate: spec.setting.learningRate, batchSize: world.training.batchSize, epochs: spec.epochs,
                warmupSteps: world.training.warmupSteps, maxGradientNorm: world.training.maxGradientNorm,
                seed: spec.seed, logpScale: world.training.logpScale),
            questions: [world.questions[spec.questionSet] ?? ""], sampling: sampling,
            klSamples: world.sampling.klSamples, maxNewTokens: world.sampling.maxNewTokens, output: output)
    }

    private func trainingReport(_ result: TrainJobResult, in folder: String) throws -> TrainingReport {
        TrainingReport(
            metrics: result.metrics,
            kl: result.kl.map { Estimate(mean: $0.value, standardError: $0.standardError, count: 1) },
            answers: try result.answers.mapValues { try AnswerFile.read(folder + "/" + $0) }, steps: result.steps,
            seconds: result.seconds, weightsHash: result.weightsHash, sandboxLayers: result.sandbox?.names ?? [])
    }
}
