import ArgumentParser
import Evolution
import Foundation
import LabCore
import Trainer

/// One loss on its way through a rerun: every setting with the first seed, the best with all seeds.
struct RerunContender {
    let loss: LossSource
    let refusal: Rejection?
    var reports: [TrialSpec: FinetuneReport] = [:]
    var breaks: [(spec: TrialSpec, rejection: Rejection)] = []

    /// Trainings made or reused.
    var trainings: Int { reports.count + breaks.count }
}

/// Chooses each loss's own setting on held-out pairs that the report does not use, as a campaign's rungs do.
struct RerunTuning {
    let tuning: Tuning
    let trainings: RerunTrainings

    init(grid: SettingGrid, seeds: [Int], trainings: RerunTrainings) {
        let config = TuningConfig(
            grid: grid, pairs: 0, epochs: trainings.request.epochs, proxySeeds: Array(seeds.prefix(1)),
            fullSeeds: seeds, fullSettings: 1)
        tuning = Tuning(config: config, grid: grid, world: trainings.request.data.path)
        self.trainings = trainings
    }

    var choosesSettings: Bool { tuning.grid.settings.count > 1 }

    /// Trains every contender that screening let through.
    func run(_ contenders: [RerunContender]) async throws -> [RerunContender] {
        var contenders = contenders
        let sound = contenders.indices.filter { contenders[$0].refusal == nil }
        try await train(sound.flatMap { index in tuning.proxyTrials().map { (index, $0) } }, "first seed", &contenders)
        // A setting that breaks at a later seed gives way to the next best one.
        while true {
            let plan = sound.flatMap { index in
                tuning.fullTrials(after: results(of: contenders[index])).map { (index, $0) }
            }.filter { index, spec in contenders[index].reports[spec] == nil }
            guard !plan.isEmpty else { return contenders }
            try await train(plan, "other seeds", &contenders)
        }
    }

    /// The best setting that lasted for every seed; `nil` where none did.
    func best(of contender: RerunContender) -> TunedScore? {
        tuning.tunedScore(of: results(of: contender), fidelity: .full)
    }

    /// The held-out pairs of a loss at a setting, in the order of the seeds.
    func reports(of contender: RerunContender, at setting: Setting) -> [FinetuneReport] {
        tuning.config.fullSeeds.compactMap { seed in
            contender.reports.first { $0.key.setting == setting && $0.key.seed == seed }?.value
        }
    }

    /// Pairs by which settings are chosen, and those on which the result is measured.
    func divided(_ pairs: [HeldOutPair]) -> (choosing: [HeldOutPair], scoring: [HeldOutPair]) {
        guard choosesSettings else { return ([], pairs) }
        let parts = pairs.divided()
        // So few prompts that one side has none: all pairs serve both purposes, which the report says.
        return parts.choosing.isEmpty || parts.scoring.isEmpty ? (pairs, pairs) : parts
    }

    private func train(
        _ plan: [(index: Int, spec: TrialSpec)], _ stage: String, _ contenders: inout [RerunContender]
    ) async throws {
        let requests = plan.map { (loss: contenders[$0.index].loss, spec: $0.spec) }
        let outcomes = try await trainings.run(requests, stage: stage)
        for ((index, spec), outcome) in zip(plan, outcomes) {
            switch outcome {
            case .trained(let report): contenders[index].reports[spec] = report
            case .rejected(let rejection): contenders[index].breaks.append((spec, rejection))
            case .unusable: break
            }
        }
    }

    /// Results of the settings that have not broken, scored by the accuracy on the pairs for choosing.
    private func results(of contender: RerunContender) -> [TrialResult] {
        let broken = Set(contender.breaks.map(\.spec.setting))
        return contender.reports.filter { !broken.contains($0.key.setting) }.compactMap { spec, report in
            let (choosing, scoring) = divided(report.heldOut)
            guard let scores = HeldOutScores([choosing.isEmpty ? scoring : choosing]) else { return nil }
            return TrialResult(
                spec: spec, questionScores: scores.values(.accuracy)[0], greedyScores: [], kl: nil, metrics: [:],
                seconds: 0, weightsHash: report.weightsHash)
        }
    }
}
