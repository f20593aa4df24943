import LabCore
import LabTesting
import Testing

@testable import Evolution

@Suite struct SelectorTests {
    static let strategies = ["tournament", "pareto", "random", "mixed"]

    @Test(arguments: strategies, ParentSelectorContract.claims)
    func keepsThePromisesOfParentSelectors(strategy: String, claim: ContractClaim<any ParentSelector>) async throws {
        try await claim.check(try #require(SelectionConfig(strategy: strategy, tournamentSize: 3).selector))
    }

    @Test func anUnknownStrategyHasNoSelector() {
        #expect(SelectionConfig(strategy: "greedy").selector == nil)
    }

    @Test func largerTournamentsChooseFitterParents() {
        let snapshot = ArchiveSnapshot(candidates: (1...10).map { Small.candidate($0, mean: Double($0)) })
        func meanRank(size: Int) -> Double {
            var generator = SeededGenerator(seed: 3)
            let chosen = (0..<400).flatMap { _ in
                TournamentSelector(size: size).selectParents(from: snapshot, count: 1, using: &generator)
            }
            return Double(chosen.reduce(0) { $0 + $1.number }) / Double(chosen.count)
        }
        // The mean of the largest of k uniform draws from 1...10 with replacement: 5.5, 7.98 (k = 3), 9.5 (k = 10).
        #expect(abs(meanRank(size: 1) - 5.5) < 0.5)
        #expect(abs(meanRank(size: 3) - 7.975) < 0.4)
        #expect(abs(meanRank(size: 10) - 9.509) < 0.3)
    }

    @Test func theFirstParetoParentIsUnbeatenInScoreAndKL() {
        let snapshot = ArchiveSnapshot(candidates: [
            Small.candidate(1, mean: 7, kl: 3), Small.candidate(2, mean: 6.5, kl: 1),
            Small.candidate(3, mean: 6.4, kl: 2), Small.candidate(4, mean: 6.9, kl: nil),
            Small.candidate(5, mean: 3, kl: 0), Small.candidate(6, mean: 2, kl: 0), Small.candidate(7, mean: 1, kl: 0),
        ])
        let parents = (UInt64(1)...20).flatMap { seed in
            var generator = SeededGenerator(seed: seed)
            return ParetoSelector().selectParents(from: snapshot, count: 1, using: &generator)
        }
        #expect(Set(parents.map(\.number)) == [1, 2])
    }

    @Test func theFrontIsWhatNoOtherDominates() {
        var generator = SeededGenerator(seed: 5)
        let points = (0..<60).map { _ in
            (score: (generator.uniform() * 10).rounded(), kl: (generator.uniform() * 10).rounded())
        }
        let half = points.indices.sorted { (points[$1].score, points[$0].kl) < (points[$0].score, points[$1].kl) }
            .prefix(30)
        let undominated = half.filter { own in
            !half.contains { rival in
                points[rival].score >= points[own].score && points[rival].kl <= points[own].kl
                    && (points[rival].score > points[own].score || points[rival].kl < points[own].kl)
            }
        }
        let front = ParetoSelector.front(of: points)
        #expect(Set(front.map { "\(points[$0])" }) == Set(undominated.map { "\(points[$0])" }))
        #expect(Set(front.map { "\(points[$0])" }).count == front.count)
    }
}
