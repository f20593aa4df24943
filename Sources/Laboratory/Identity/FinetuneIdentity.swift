public import LabCore
public import Trainer

/// Names trainings of a model of one's own by everything that decides their results.
public struct FinetuneIdentity: Sendable {
    private let engine: [String: String]
    /// What stands for every file, folder and Hub id that the request names.
    private let contents: [String: String]

    /// Reads what the request names.
    ///
    /// - Throws: `FileHashError`, `TrainerError`.
    public init(_ request: FinetuneRequest, engine: EngineIdentity, _ hashes: FileHashes) throws {
        self.engine = try engine.ingredients("finetune")
        var contents: [String: String] = [:]
        _ = try request.replacingPaths { path in
            contents[path] = try contents[path] ?? hashes.identity(of: path)
            return path
        }
        self.contents = contents
    }

    /// What stands for a file, folder or Hub id of the request.
    public func content(of path: String) -> String? { contents[path] }

    /// One training at one setting with one seed.
    public func key(
        of loss: LossSource, _ spec: TrialSpec, as request: FinetuneRequest, by finetuner: PoolFinetuner
    ) throws -> String {
        let job = try finetuner.description(
            of: loss, beta: spec.setting.beta, learningRate: spec.setting.learningRate, seed: spec.seed, as: request
        ) { contents[$0] ?? $0 }
        return TrialIdentity(engine.merging(["job": job]) { $1 }).key("finetune")
    }

    /// Everything but loss, setting, seed and draw.
    public func ground(_ request: FinetuneRequest, by finetuner: PoolFinetuner) throws -> [String: String] {
        let job = try finetuner.description(of: nil, beta: 0, learningRate: 0, seed: 0, as: request) {
            contents[$0] ?? $0
        }
        return engine.merging(["job": job]) { $1 }
    }
}
