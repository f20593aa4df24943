import Foundation
public import LabCore
import WorkerProtocol

/// Trains real models on real pairs in the pool's workers.
public struct PoolFinetuner: Sendable {
    private let pool: WorkerPool
    /// A worker that says nothing for so long is lost; a training of a large model takes days.
    private let timeLimit: Duration

    public init(pool: WorkerPool, timeLimit: Duration = .seconds(14 * 86_400)) {
        self.pool = pool
        self.timeLimit = timeLimit
    }

    /// Who follows a training step by step; changes nothing of what it comes to.
    public struct Tracking: Sendable {
        /// `tensorboard`, `wandb`, `wandb-offline`, `mlflow`.
        public let trackers: [String]
        /// Where they write.
        public let folder: String

        public init(trackers: [String], folder: String) {
            self.trackers = trackers
            self.folder = folder
        }
    }

    /// Trains once; files other than saved weights are read and removed.
    ///
    /// - Parameter folder: where the weights go, in a folder `weights`; `nil` keeps none.
    public func train(
        _ loss: LossSource?, beta: Double, learningRate: Double, seed: Int, as request: FinetuneRequest,
        savingTo folder: String? = nil, tracking: Tracking? = nil
    ) async throws -> FinetuneOutcome {
        let output =
            folder ?? FileManager.default.temporaryDirectory.appending(path: "losslab-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: output, withIntermediateDirectories: true)
        defer { if folder == nil { try? FileManager.default.removeItem(atPath: output) } }
        let label = "training with \(loss?.name ?? "no loss") (lr \(learningRate) beta \(beta), seed \(seed))"
        let report = try await pool.run(label, within: timeLimit) { id in
            job(
                id: id, loss: loss, beta: beta, learningRate: learningRate, seed: seed, request: request,
                output: output, save: folder != nil, tracking: tracking)
        }
        if let rejection = report.rejection { return .rejected(rejection) }
        let result = try report.result(as: FinetuneJobResult.self)
        if let problem = result.problem { return .unusable(problem) }
        return .trained(try finetuneReport(result, in: output))
    }

    /// Everything that decides what a training comes to, as text; equal texts are the same training.
    ///
    /// - Parameter identity: what stands for a file, folder or Hub id: its content where that is known.
    public func description(
        of loss: LossSource?, beta: Double, learningRate: Double, seed: Int, as request: FinetuneRequest,
        identity: (String) throws -> String
    ) throws -> String {
        let named = loss.map { LossSource(name: "", text: $0.text, origin: $0.origin, beta: $0.beta) }
        let job = job(
            id: "", loss: named, beta: beta, learningRate: learningRate, seed: seed,
            request: try request.replacingPaths(identity), output: "", save: false)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(job), as: UTF8.self)
    }

    private func job(
        id: String, loss: LossSource?, beta: Double, learningRate: Double, seed: Int, request: FinetuneRequest,
        output: String, save: Bool, tracking: Tracking? = nil
    ) -> FinetuneJob {
        FinetuneJob(
            id: id, loss: loss.map { NamedSource(name: $0.name, source: $0.text) }, beta: beta,
            model: request.model,
            data: FinetuneDataInput(
                train: request.data, heldOut: request.heldOut, heldOutShare: request.heldOutShare,
                draw: request.draw),
            training: FinetuneSettings(
                learningRate: learningRate, batchSize: request.batchSize, microBatchSize: request.microBatchSize,
                epochs: request.epochs, maxSteps: request.maxSteps, schedule: request.schedule, seed: seed,
                logpScale: request.logpScale, maxLength: request.maxLength, maxPromptLength: request.maxPromptLength),
            questions: request.questions,
            sampling: request.questions.isEmpty ? [] : request.sampling,
            maxNewTokens: request.maxNewTokens, klSamples: request.questions.isEmpty ? 0 : request.klSamples,
            output: output, save: save, trainer: request.trainer,
            trackers: tracking?.trackers ?? [], trackersOutput: tracking?.folder)
    }

    private func finetuneReport(_ result: FinetuneJobResult, in folder: String) throws -> FinetuneReport {
        let pairs = try result.heldOut.map { try HeldOutPair.read(folder + "/" + $0.perPair) } ?? []
        return FinetuneReport(
            metrics: result.metrics ?? [:], steps: result.steps ?? 0, heldOut: pairs,
            lengthChange: result.heldOut?.lengthChange.map(estimate), sampledKL: result.kl.map(estimate),
            answers: try (result.answers ?? [:]).mapValues { try AnswerFile.read(folder + "/" + $0) },
            pairs: result.data?.usable ?? 0, unusable: result.data?.unusable ?? 0,
            truncated: result.data?.truncated ?? 0, tokensPerSecond: result.tokensPerSecond,
            seconds: result.seconds ?? [:], weights: result.weights, weightsHash: result.weightsHash,
            device: result.device, dtype: result.dtype, sandboxLayers: result.sandbox?.names ?? [],
            notes: result.notes ?? [])
    }

    private func estimate(_ mean: FinetuneJobResult.Mean) -> Estimate {
        Estimate(mean: mean.value, standardError: mean.standardError, count: 1)
    }
}
