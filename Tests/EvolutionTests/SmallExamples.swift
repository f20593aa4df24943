import LabCore

@testable import Evolution

/// Small values for tests, deterministic and without meaning.
enum Small {
    static let grid = SettingGrid(learningRates: [5e-4, 1e-3, 2e-3], betas: [0.05, 0.1])

    static func tuning(
        proxySeeds: [Int] = [1], fullSeeds: [Int] = [1, 2, 3], fullSettings: Int = 2, grid: SettingGrid = grid
    ) -> Tuning {
        Tuning(
            config: TuningConfig(proxySeeds: proxySeeds, fullSeeds: fullSeeds, fullSettings: fullSettings), grid: grid,
            world: "base")
    }

    /// Results of trials whose score depends on setting and seed as told, with two questions one point apart.
    static func results(
        _ trials: [TrialSpec], score: (Setting, Int) -> Double, kl: (Setting, Int) -> Double? = { _, _ in 1 }
    ) -> [TrialResult] {
        trials.map { spec in
            let mean = score(spec.setting, spec.seed)
            return TrialResult(
                spec: spec, questionScores: [mean - 0.5, mean + 0.5], greedyScores: [mean, mean + 1],
                kl: kl(spec.setting, spec.seed), metrics: [:], seconds: 1, weightsHash: nil)
        }
    }

    static func tuned(
        mean: Double, standardError: Double? = 0.1, kl: Double? = 1, fidelity: Fidelity = .full
    ) -> TunedScore {
        let estimate = Estimate(mean: mean, standardError: standardError, degreesOfFreedom: 20, count: 3)
        return TunedScore(
            setting: Setting(learningRate: 1e-3, beta: 0.05), score: estimate, greedy: estimate, kl: kl,
            fidelity: fidelity,
            table: [[mean]], greedyTable: [[mean]], seeds: [1], trials: 1, onGridEdge: false)
    }

    static func candidate(
        _ number: Int, mean: Double?, standardError: Double? = 0.1, kl: Double? = 1, fidelity: Fidelity = .full,
        name: String? = nil, fingerprint: [Double]? = nil, isControl: Bool = false
    ) -> Candidate {
        let name = name ?? "c\(number)"
        let catalogue = number < 0
        return Candidate(
            id: CandidateID(number), arm: catalogue ? .catalogue : .evolution, generation: catalogue ? 0 : 1,
            proposal: LossProposal(name: name, text: "", operation: catalogue ? "catalogue" : "mutation"),
            source: LossSource(
                name: name, text: "", origin: catalogue ? .baseline : .discovered, beta: 0.05, isControl: isControl),
            fingerprint: fingerprint.map { Fingerprint(hash: name, values: $0) }, shape: nil,
            status: mean == nil ? .rejected(Rejection(code: "nonfinite", message: "")) : .scored(fidelity),
            tuned: mean.map { tuned(mean: $0, standardError: standardError, kl: kl, fidelity: fidelity) })
    }
}
