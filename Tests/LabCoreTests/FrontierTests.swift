import LabCore
import Testing

@Suite struct FrontierTests {
    private func run(
        _ loss: String, beta: Double = 0.1, seed: Int = 1, score: Double, kl: Double, control: Bool = false
    ) -> FrontierRun {
        FrontierRun(
            loss: loss, control: control, setting: Setting(learningRate: 0.001, beta: beta), seed: seed,
            scores: [score - 1, score + 1], kl: Estimate(mean: kl, standardError: 0.25, count: 1))
    }

    private func frontier(_ runs: [FrontierRun]) -> Frontier { Frontier(runs, scoreOf: "score", klOf: "kl") }

    @Test func aPointIsOnTheFrontUnlessAnotherScoresMoreAtNoLargerKL() {
        let found = frontier([
            run("a", score: 5, kl: 1), run("b", score: 4, kl: 2), run("c", score: 6, kl: 3), run("d", score: 6, kl: 4),
            run("e", score: 4.5, kl: 1),
        ])
        #expect(found.points.map(\.loss) == ["a", "e", "b", "c", "d"])
        #expect(found.front.map(\.loss) == ["a", "c"])
    }

    /// By definition, for every pair of points.
    @Test(arguments: 1...20) func theFrontIsWhatNothingDominates(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let runs = (0..<40).map { index in
            // Few different values, so that ties come often.
            run(
                "loss\(index)", score: Double(Int.random(in: 0..<8, using: &generator)),
                kl: Double(Int.random(in: 0..<8, using: &generator)))
        }
        let points = frontier(runs).points
        for point in points {
            let dominated = points.contains { other in
                other.kl.mean <= point.kl.mean && other.score.mean >= point.score.mean
                    && (other.kl.mean < point.kl.mean || other.score.mean > point.score.mean)
            }
            #expect(point.onFront != dominated, "\(point)")
        }
    }

    @Test func seedsMakeOnePointWithErrorsOfBothFigures() throws {
        let found = frontier([
            run("a", seed: 2, score: 6, kl: 3), run("a", seed: 1, score: 4, kl: 1),
            run("a", beta: 0.5, score: 9, kl: 9),
        ])
        let point = try #require(found.points.first)
        #expect(found.points.count == 2 && point.seeds == 2)
        #expect(point.score.mean == 5 && point.kl.mean == 2)
        // Of 1 and 3: standard deviation of the square root of 2, over the square root of 2.
        #expect(abs((point.kl.standardError ?? 0) - 1) < 1e-12)
        #expect(point.score.standardError != nil)
        #expect(found.points[1].kl.standardError == 0.25, "a single seed keeps its estimate's own error")
    }

    @Test func aControlIsMeasuredAndNeverTheFront() {
        let found = frontier([run("zero", score: 9, kl: 0, control: true), run("a", score: 5, kl: 1)])
        #expect(found.front.map(\.loss) == ["a"] && found.points.count == 2)
    }

    @Test func equalRunsInAnotherOrderAreEqualFrontiers() {
        let runs = (0..<12).map { run("l\($0 % 4)", seed: $0 / 4, score: Double($0 % 5), kl: Double($0 % 3)) }
        #expect(frontier(runs) == frontier(runs.reversed()))
    }
}
