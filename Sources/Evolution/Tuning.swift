public import LabCore

/// Successive halving over the settings of one loss: the same rungs, seeds and grid for catalogue and candidates.
///
/// Smoke: one short training. Proxy: every setting with the proxy seeds. Full: the best settings with the full seeds,
/// counting proxy trials that already used one of them.
public struct Tuning: Sendable {
    public let config: TuningConfig
    public let grid: SettingGrid
    public let world: String
    public let pairPool: PairPool
    public let questionSet: QuestionSet

    /// - Parameters:
    ///   - grid: the world's own; `config.grid` takes its place where there is one.
    ///   - pairPool: a search tunes on the search pool; only a repetition of the whole tuning uses the other.
    public init(
        config: TuningConfig, grid: SettingGrid, world: String, pairPool: PairPool = .search,
        questionSet: QuestionSet = .search
    ) {
        self.config = config
        self.grid = config.grid ?? grid
        self.world = world
        self.pairPool = pairPool
        self.questionSet = questionSet
    }

    /// One short training in the middle of the grid, which shows whether the loss trains at all.
    public func smokeTrial() -> TrialSpec {
        let settings = grid.settings
        let rate = grid.learningRates.sorted()[grid.learningRates.count / 2]
        let beta = grid.betas.sorted()[grid.betas.count / 2]
        let middle = settings.first { $0.learningRate == rate && $0.beta == beta } ?? settings[0]
        return TrialSpec(
            world: world, fidelity: .smoke, setting: middle, seed: config.proxySeeds.first ?? 1, pairPool: pairPool,
            questionSet: questionSet, pairCount: config.smokePairs, epochs: 1)
    }

    /// Every setting with every proxy seed, settings in grid order.
    public func proxyTrials() -> [TrialSpec] {
        grid.settings.flatMap { setting in config.proxySeeds.map { trial(.proxy, setting, seed: $0) } }
    }

    /// The best settings with the full seeds, without the pairs of setting and seed that the proxy rung has done.
    ///
    /// A setting in which the loss was rejected for any proxy seed is not among the best.
    public func fullTrials(after proxy: [TrialResult]) -> [TrialSpec] {
        let done = Set(scoredHere(proxy).map { Place(setting: $0.spec.setting, seed: $0.spec.seed) })
        return ranking(of: proxy, seeds: config.proxySeeds).prefix(config.fullSettings).flatMap { ranked in
            config.fullSeeds
                .filter { !done.contains(Place(setting: ranked.setting, seed: $0)) }
                .map { trial(.full, ranked.setting, seed: $0) }
        }
    }

    /// The best setting and its score, or `nil` when no setting has a result for every seed of the rung.
    ///
    /// Settings are compared on the seeds of the rung, which all of them share; for `.full` give proxy and full results
    /// together. Equal means go to the setting that comes first in the grid.
    public func tunedScore(of results: [TrialResult], fidelity: Fidelity) -> TunedScore? {
        let seeds = fidelity >= .full ? config.fullSeeds : config.proxySeeds
        let ranked = ranking(of: results, seeds: seeds)
        guard let best = ranked.first, let crossed = CrossedScores(best.results.map(\.questionScores)) else {
            return nil
        }
        let greedyTable = best.results.map(\.greedyScores)
        let kls = best.results.compactMap(\.kl)
        return TunedScore(
            setting: best.setting, score: crossed.estimate,
            greedy: CrossedScores(greedyTable)?.estimate
                ?? Estimate(mean: best.greedyMean, standardError: nil, count: seeds.count),
            kl: kls.isEmpty ? nil : kls.reduce(0, +) / Double(kls.count), fidelity: fidelity,
            table: crossed.values, greedyTable: greedyTable, seeds: seeds, trials: scoredHere(results).count,
            onGridEdge: isOnEdge(best.setting), runnersUp: runnersUp(ranked, results))
    }

    /// The settings after the best: first by the rung's seeds, then, where only few settings have those, by the proxy's.
    private func runnersUp(_ ranked: [RankedSetting], _ results: [TrialResult]) -> [SettingScore] {
        let known = Set(ranked.map(\.setting))
        let others = ranking(of: results, seeds: config.proxySeeds).filter { !known.contains($0.setting) }
        return (ranked + others).dropFirst().prefix(2).compactMap { other in
            CrossedScores(other.results.map(\.questionScores)).map {
                SettingScore(setting: other.setting, score: $0.estimate)
            }
        }
    }

    private func trial(_ fidelity: Fidelity, _ setting: Setting, seed: Int) -> TrialSpec {
        TrialSpec(
            world: world, fidelity: fidelity, setting: setting, seed: seed, pairPool: pairPool,
            questionSet: questionSet, pairCount: config.pairs, epochs: config.epochs)
    }

    /// Settings that have a result for every one of the seeds, the best mean first.
    private func ranking(of results: [TrialResult], seeds: [Int]) -> [RankedSetting] {
        var byPlace: [Place: TrialResult] = [:]
        for result in scoredHere(results) {
            byPlace[Place(setting: result.spec.setting, seed: result.spec.seed)] = result
        }
        let complete = grid.settings.enumerated().compactMap { order, setting -> RankedSetting? in
            let found = seeds.compactMap { byPlace[Place(setting: setting, seed: $0)] }
            guard found.count == seeds.count, !found.isEmpty else { return nil }
            return RankedSetting(order: order, setting: setting, results: found)
        }
        return complete.sorted { ($0.mean, -$0.order) > ($1.mean, -$1.order) }
    }

    /// Results of this world's tuning; smoke trials are shorter and do not compare.
    private func scoredHere(_ results: [TrialResult]) -> [TrialResult] {
        results.filter { $0.spec.world == world && ($0.spec.fidelity == .proxy || $0.spec.fidelity == .full) }
    }

    /// Whether a better setting may lie outside the grid; a dimension of one value has no outside.
    private func isOnEdge(_ setting: Setting) -> Bool {
        func atEnd(_ value: Double, of values: [Double]) -> Bool {
            Set(values).count > 1 && (value == values.min() || value == values.max())
        }
        return atEnd(setting.learningRate, of: grid.learningRates) || atEnd(setting.beta, of: grid.betas)
    }
}

/// One training's place in the tuning of a loss.
private struct Place: Hashable {
    let setting: Setting
    let seed: Int
}

/// A setting with its results in the order of the rung's seeds.
private struct RankedSetting {
    let order: Int
    let setting: Setting
    let results: [TrialResult]
    let mean: Double
    let greedyMean: Double

    init(order: Int, setting: Setting, results: [TrialResult]) {
        self.order = order
        self.setting = setting
        self.results = results
        mean = results.reduce(0) { $0 + $1.score } / Double(results.count)
        greedyMean = results.reduce(0) { $0 + $1.greedyScore } / Double(results.count)
    }
}
