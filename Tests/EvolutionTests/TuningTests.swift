import LabCore
import Testing

@testable import Evolution

@Suite struct TuningTests {
    @Test func smokeTrialStandsInTheMiddleOfTheGrid() {
        let smoke = Small.tuning(proxySeeds: [7]).smokeTrial()
        #expect(smoke.setting == Setting(learningRate: 1e-3, beta: 0.1))
        #expect(smoke.fidelity == .smoke)
        #expect(smoke.pairCount == TuningConfig().smokePairs)
        #expect(smoke.seed == 7)
    }

    @Test func proxyTriesEverySettingWithEveryProxySeed() {
        let trials = Small.tuning(proxySeeds: [1, 2]).proxyTrials()
        #expect(trials.count == 12)
        #expect(Set(trials).count == 12)
        #expect(trials.allSatisfy { $0.fidelity == .proxy && $0.pairPool == .search && $0.questionSet == .search })
    }

    @Test func theConfiguredGridTakesThePlaceOfTheWorlds() {
        let own = SettingGrid(learningRates: [1e-3], betas: [0.2])
        let tuning = Tuning(config: TuningConfig(grid: own), grid: Small.grid, world: "base")
        #expect(tuning.proxyTrials().map(\.setting) == [Setting(learningRate: 1e-3, beta: 0.2)])
    }

    @Test func fullRepeatsTheBestSettingsWithoutWhatTheProxyDid() {
        let tuning = Small.tuning(fullSettings: 2)
        let proxy = Small.results(tuning.proxyTrials()) { setting, _ in
            setting.learningRate * 1000 + setting.beta
        }
        let full = tuning.fullTrials(after: proxy)
        #expect(full.map(\.setting.beta) == [0.1, 0.1, 0.05, 0.05])
        #expect(full.allSatisfy { $0.setting.learningRate == 2e-3 && $0.fidelity == .full })
        #expect(full.map(\.seed) == [2, 3, 2, 3])
    }

    @Test func aSettingRejectedForOneProxySeedIsNotPromoted() {
        let tuning = Small.tuning(proxySeeds: [1, 2], fullSettings: 1)
        var proxy = Small.results(tuning.proxyTrials()) { setting, _ in setting.learningRate }
        proxy.removeAll { $0.spec.setting.learningRate == 2e-3 && $0.spec.seed == 2 }
        #expect(tuning.fullTrials(after: proxy).allSatisfy { $0.setting.learningRate == 1e-3 })
    }

    @Test func nothingScoredGivesNoFullTrialsAndNoScore() {
        let tuning = Small.tuning()
        #expect(tuning.fullTrials(after: []).isEmpty)
        #expect(tuning.tunedScore(of: [], fidelity: .proxy) == nil)
    }

    @Test func theBestSettingIsJudgedOnTheSeedsThatAllComparedSettingsShare() throws {
        let tuning = Small.tuning(fullSettings: 2)
        // The higher rate wins on the proxy seed and loses over all three.
        let score: (Setting, Int) -> Double = { setting, seed in
            setting.learningRate == 2e-3 ? (seed == 1 ? 9 : 5) : setting.learningRate == 1e-3 ? 7 : 1
        }
        let proxy = Small.results(tuning.proxyTrials(), score: score)
        let tunedProxy = try #require(tuning.tunedScore(of: proxy, fidelity: .proxy))
        #expect(tunedProxy.setting == Setting(learningRate: 2e-3, beta: 0.05))
        #expect(tunedProxy.score.mean == 9)

        let wide = Small.tuning(fullSettings: 4)
        let all = proxy + Small.results(wide.fullTrials(after: proxy), score: score)
        let tunedFull = try #require(wide.tunedScore(of: all, fidelity: .full))
        #expect(tunedFull.setting == Setting(learningRate: 1e-3, beta: 0.05))
        #expect(tunedFull.score.mean == 7)
        #expect(tunedFull.table == [[6.5, 7.5], [6.5, 7.5], [6.5, 7.5]])
        #expect(tunedFull.seeds == [1, 2, 3])
        #expect(tunedFull.trials == 14)
        #expect(tunedFull.greedy.mean == 7.5)
        #expect(
            tunedFull.runnersUp.map(\.setting)
                == [1e-3, 2e-3].map { Setting(learningRate: $0, beta: $0 == 1e-3 ? 0.1 : 0.05) })
    }

    @Test func afterTheSettingsWithAllSeedsTheProxyRanksTheNext() throws {
        let tuning = Small.tuning(fullSettings: 2)
        let score: (Setting, Int) -> Double = { setting, _ in setting.learningRate * 1000 + setting.beta }
        let proxy = Small.results(tuning.proxyTrials(), score: score)
        let all = proxy + Small.results(tuning.fullTrials(after: proxy), score: score)
        let tuned = try #require(tuning.tunedScore(of: all, fidelity: .full))
        #expect(([tuned.setting] + tuned.runnersUp.map(\.setting)).map(\.beta) == [0.1, 0.05, 0.1])
        #expect(tuned.runnersUp.map(\.setting.learningRate) == [2e-3, 1e-3])
        #expect(tuned.runnersUp.map(\.score.count) == [3, 1])
    }

    @Test func equalScoresGoToTheEarlierSetting() throws {
        let tuning = Small.tuning()
        let proxy = Small.results(tuning.proxyTrials()) { _, _ in 6 }
        #expect(tuning.tunedScore(of: proxy.reversed(), fidelity: .proxy)?.setting == Small.grid.settings[0])
        #expect(tuning.fullTrials(after: proxy) == tuning.fullTrials(after: proxy.reversed()))
    }

    @Test func aSettingOnTheEdgeOfTheGridIsSaidToBe() throws {
        let grid = SettingGrid(learningRates: [1e-3], betas: [0.05, 0.1, 0.2])
        let tuning = Small.tuning(grid: grid)
        func edge(bestBeta: Double) -> Bool? {
            let results = Small.results(tuning.proxyTrials()) { setting, _ in setting.beta == bestBeta ? 2 : 1 }
            return tuning.tunedScore(of: results, fidelity: .proxy)?.onGridEdge
        }
        #expect(edge(bestBeta: 0.05) == true)
        #expect(edge(bestBeta: 0.1) == false)
        #expect(edge(bestBeta: 0.2) == true)
    }

    @Test func resultsOfOtherWorldsAndSmokeTrialsDoNotCount() {
        let tuning = Small.tuning()
        let elsewhere = Tuning(config: TuningConfig(), grid: Small.grid, world: "transfer")
        let foreign = Small.results(elsewhere.proxyTrials() + [tuning.smokeTrial()]) { _, _ in 9 }
        #expect(tuning.tunedScore(of: foreign, fidelity: .proxy) == nil)
    }

    @Test func klIsTheMeanOverTheSeedsThatHaveOne() throws {
        let tuning = Small.tuning(proxySeeds: [1, 2])
        let results = Small.results(
            tuning.proxyTrials(), score: { _, _ in 5 }, kl: { _, seed in seed == 1 ? 3 : nil })
        #expect(tuning.tunedScore(of: results, fidelity: .proxy)?.kl == 3)
    }
}
