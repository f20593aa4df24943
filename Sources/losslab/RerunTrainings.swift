import ArgumentParser
import Foundation
import LabCore
import Laboratory
import Trainer

/// Trains through a cache: what was trained before, by whichever rerun, is not trained again.
struct RerunTrainings: Sendable {
    let finetuner: PoolFinetuner
    let request: FinetuneRequest
    let identity: FinetuneIdentity
    let cache: any StepStore
    /// Folder for weights; `nil` keeps none.
    let save: String?
    /// Trackers and the folder below which each training has its own; `nil` for none.
    let tracking: PoolFinetuner.Tracking?
    let progress: ProgressLine

    /// Trainings of several losses, side by side as far as the pool has workers; outcomes in their order.
    func run(_ plan: [(loss: LossSource, spec: TrialSpec)], stage: String) async throws -> [FinetuneOutcome] {
        progress.handle(.stage(name: stage, total: plan.count))
        do {
            return try await withThrowingTaskGroup(of: (Int, FinetuneOutcome).self) { group in
                for (index, entry) in plan.enumerated() {
                    group.addTask { (index, try await train(entry.loss, entry.spec)) }
                }
                var outcomes = [FinetuneOutcome?](repeating: nil, count: plan.count)
                for try await (index, outcome) in group { outcomes[index] = outcome }
                return outcomes.compactMap(\.self)
            }
        } catch TrainerError.unusable(let problem) {  // told once, however many found it side by side
            log("losslab: \(problem)")
            throw ExitCode.badInput
        }
    }

    private func train(_ loss: LossSource, _ spec: TrialSpec) async throws -> FinetuneOutcome {
        let key = try identity.key(of: loss, spec, as: request, by: finetuner)
        if let known = try await known(key, loss, spec) {
            tell(loss, spec, seconds: 0, reused: true)
            return known
        }
        let started = ContinuousClock.now
        let outcome = try await finetuner.train(
            loss, beta: spec.setting.beta, learningRate: spec.setting.learningRate, seed: spec.seed, as: request,
            savingTo: folder(of: loss, spec),
            tracking: tracking.map {
                PoolFinetuner.Tracking(trackers: $0.trackers, folder: "\($0.folder)/\(name(of: loss, spec))")
            })
        if case .unusable(let problem) = outcome { throw TrainerError.unusable(problem) }
        try await cache.store(try JSONEncoder().encode(outcome).map(\.self), for: key)
        let duration = (ContinuousClock.now - started).components
        tell(loss, spec, seconds: Double(duration.seconds) + Double(duration.attoseconds) * 1e-18, reused: false)
        return outcome
    }

    /// A finished training; one whose weights are wanted and not there counts for nothing.
    private func known(_ key: String, _ loss: LossSource, _ spec: TrialSpec) async throws -> FinetuneOutcome? {
        guard let bytes = try await cache.value(for: key),
            let outcome = try? JSONDecoder().decode(FinetuneOutcome.self, from: Data(bytes))
        else { return nil }
        if case .trained = outcome, let folder = folder(of: loss, spec),
            !FileManager.default.fileExists(atPath: folder + "/weights")
        {
            return nil
        }
        return outcome
    }

    /// Where a training's weights are kept.
    func folder(of loss: LossSource, _ spec: TrialSpec) -> String? {
        save.map { "\($0)/\(name(of: loss, spec))" }
    }

    private func name(of loss: LossSource, _ spec: TrialSpec) -> String {
        "\(loss.name)-lr\(compact(spec.setting.learningRate))-beta\(compact(spec.setting.beta))-seed\(spec.seed)"
    }

    private func tell(_ loss: LossSource, _ spec: TrialSpec, seconds: Double, reused: Bool) {
        progress.handle(.trialFinished(CandidateID(0), spec: spec, score: nil, seconds: seconds, reused: reused))
    }
}
