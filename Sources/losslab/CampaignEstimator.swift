import Archive
import ArgumentParser
import Evolution
import Foundation
import LabConfig
import LabCore
import Trainer

/// Counts what campaigns will train, and finds out how long one training takes.
struct CampaignEstimator {
    let project: Project
    /// Floating-point operations a second of the device that will train models of one's own; `nil` times this one.
    let flops: Double?

    func estimates(of campaigns: [CampaignConfig]) async throws -> [CampaignEstimate] {
        var measured = MeasuredTrials()
        if FileManager.default.fileExists(atPath: project.archive) {
            measured = try await MeasuredTrials(in: SQLiteArchive(project.archive, readOnly: true))
        }
        let losses = try LossCatalogue.load(project.losses).losses
        var estimates: [CampaignEstimate] = []
        for config in campaigns {
            if let policy = config.policy {
                estimates.append(try await estimate(config, policy, catalogue: losses, measured))
            } else {
                estimates.append(try await estimate(config, catalogue: losses, &measured))
            }
        }
        return estimates
    }

    /// In worlds of the embedded benchmark; where no such trial is in the archive, one is run now.
    private func estimate(
        _ config: CampaignConfig, catalogue losses: [LossSource], _ measured: inout MeasuredTrials
    ) async throws -> CampaignEstimate {
        let (pairs, epochs) = (config.tuning.pairs, config.tuning.epochs)
        var now: Set<String> = []
        for name in [config.world] + [config.transferWorld].compactMap(\.self)
        where measured.seconds(name, pairs: pairs, epochs: epochs) == nil {
            measured.add(try await timedTrial(in: name, of: config, losses: losses))
            now.insert(name)
        }
        let grid = try WorldCatalogue.load(project.worlds).world(named: config.world).grid
        let embedded = try EmbeddedModelEstimate(of: config)
        return CampaignEstimate(of: config, catalogue: losses, grid: grid, embedded: embedded) { world, smoke in
            if smoke, let short = measured.seconds(world, pairs: config.tuning.smokePairs, epochs: 1) {
                return (short.mean, "measured, mean of \(short.count) in the archive")
            }
            guard let found = measured.seconds(world, pairs: pairs, epochs: epochs) else { return (0, "unknown") }
            if smoke { return (found.mean, "assumed as long as a whole trial") }
            return (
                found.mean, now.contains(world) ? "measured now" : "measured, mean of \(found.count) in the archive"
            )
        }
    }

    /// Over a model of one's own: memory as `--model` counts it, time by such trials in the archive or by its layers.
    private func estimate(
        _ config: CampaignConfig, _ policy: PolicyConfig, catalogue: [LossSource], _ measured: MeasuredTrials
    ) async throws -> CampaignEstimate {
        let request = PolicyGround(
            policy, name: config.world, questions: try CampaignQuestions(policy.evaluation, in: project), in: project
        ).request
        var needs = FinetuneRequirements(model: request.model, data: request.data)
        needs.batchSize = policy.training.batchSize
        needs.microBatchSize = policy.training.microBatchSize
        needs.maxLength = policy.data.maxLength
        needs.flops = flops
        let pool = WorkerPool(size: 1, configuration: project.workerConfiguration(reachesHub: true))
        let outcome = try await PoolEstimator(pool: pool).estimate(needs)
        await pool.close()
        guard case .estimated(let found) = outcome else {
            if case .unusable(let problem) = outcome { throw TrainerError.unusable(problem) }
            throw ExitCode.failure
        }
        let (pairs, epochs) = (config.tuning.pairs, config.tuning.epochs)
        let perPair = found.time.training.map { $0 / Double(max(found.pairs.usable, 1)) }
        var notes = ["without the time in which answers are sampled and graded, which no estimate here knows"]
        if measured.seconds(config.world, pairs: pairs, epochs: epochs) != nil { notes = [] }
        if perPair == nil { notes.append("seconds unknown: \(found.time.how)") }
        return CampaignEstimate(
            of: config, catalogue: catalogue, grid: SettingGrid(learningRates: [], betas: []),
            workerBytes: found.totalBytes, embedded: try EmbeddedModelEstimate(of: config), notes: notes
        ) { world, smoke in
            let trained = smoke ? config.tuning.smokePairs : pairs * epochs
            if let known = measured.seconds(
                world, pairs: smoke ? config.tuning.smokePairs : pairs, epochs: smoke ? 1 : epochs)
            {
                return (known.mean, "measured, mean of \(known.count) in the archive")
            }
            return (Double(trained) * (perPair ?? 0), perPair == nil ? "unknown" : "training alone, \(found.time.how)")
        }
    }

    /// One training with DPO in the middle of the grid, after one that fills the caches as a campaign's first does.
    private func timedTrial(
        in world: String, of config: CampaignConfig, losses: [LossSource]
    ) async throws -> TrialResult {
        guard let dpo = losses.first(where: { $0.name == "dpo" }) else {
            throw ValidationError("the catalogue has no loss dpo to time a training with")
        }
        log("no finished trial in \(world) with \(config.tuning.pairs) pairs: timing one")
        let laboratory = try await Laboratory(project: project, worlds: [world], workers: 1, allowUnsandboxed: false)
        let grid = try laboratory.world(world).grid
        let setting = Tuning(config: config.tuning, grid: grid, world: world).smokeTrial().setting
        func trial(seed: Int) async throws -> TrialOutcome {
            let spec = TrialSpec(
                world: world, fidelity: .proxy, setting: setting, seed: seed, pairCount: config.tuning.pairs,
                epochs: config.tuning.epochs)
            return try await laboratory.trials.run(dpo, spec)
        }
        _ = try await trial(seed: 1)
        let outcome = try await trial(seed: 2)
        await laboratory.pool.close()
        guard case .scored(let result) = outcome else {
            throw ValidationError("the training that was to be timed in \(world) was rejected")
        }
        return result
    }
}
