import LabCore

/// Draws what a trainer and a judge would report, from known truths and the measured noise.
///
/// Every effect is drawn from a generator of its own key, so a trial's result does not depend on which others were run.
struct SimulatedWorld: Sendable {
    let noise: NoiseModel
    let grid: SettingGrid
    let seed: UInt64
    private let correlation: Double
    private let searchDifficulty: [Double]
    private let heldOutDifficulty: [Double]

    init(noise: NoiseModel, grid: SettingGrid, searchQuestions: Int, heldOutQuestions: Int, seed: UInt64) {
        self.noise = noise
        self.grid = grid
        self.seed = seed
        var generator = SeededGenerator(seed: seed, stream: 1)
        let range = noise.seedCorrelation
        correlation = range.lowerBound + (range.upperBound - range.lowerBound) * generator.uniform()
        searchDifficulty = (0..<searchQuestions).map { _ in noise.questionSpread * generator.normal() }
        heldOutDifficulty = (0..<heldOutQuestions).map { _ in noise.questionSpread * generator.normal() }
    }

    /// The result of one trial; greedy answers and KL are not simulated.
    func result(of loss: SimulatedLoss, _ spec: TrialSpec) -> TrialResult {
        let heldOut = spec.questionSet == .heldOut
        let difficulty = heldOut ? heldOutDifficulty : searchDifficulty
        // How well the loss suits each question of a set is the same in every trial.
        var fit = generator(purpose: heldOut ? 3 : 2, loss.id.number)
        let settingIndex = grid.settings.firstIndex(of: spec.setting) ?? 0
        var trial = generator(purpose: heldOut ? 5 : 4, loss.id.number, settingIndex, spec.seed)
        var shared = generator(purpose: heldOut ? 7 : 6, spec.seed)
        let level =
            loss.score(at: spec.setting, of: grid)
            + noise.sharedSeedSpread(correlation: correlation) * shared.normal()
            + noise.ownSeedSpread(correlation: correlation) * trial.normal()
        var scores = difficulty
        for question in scores.indices {
            scores[question] += level + noise.lossQuestionSpread * fit.normal() + noise.answerSpread * trial.normal()
        }
        return TrialResult(
            spec: spec, questionScores: scores, greedyScores: [], kl: nil, metrics: [:], seconds: 0, weightsHash: nil)
    }

    private func generator(purpose: UInt64, _ parts: Int...) -> SeededGenerator {
        parts.reduce(SeededGenerator(seed: seed, stream: purpose)) { generator, part in
            var mixer = generator
            return SeededGenerator(seed: mixer.next(), stream: UInt64(bitPattern: Int64(part)))
        }
    }
}
