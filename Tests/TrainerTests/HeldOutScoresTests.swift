import Foundation
import LabCore
import Testing

@testable import Trainer

@Suite struct HeldOutScoresTests {
    /// A pair whose policy moved by `chosen` and `rejected` nats against a reference of -10 each.
    private func pair(
        _ row: Int, prompt: String? = nil, chosen: Double, rejected: Double, tokens: (Int, Int) = (5, 5)
    ) -> HeldOutPair {
        HeldOutPair(
            row: row, prompt: prompt ?? "\(row)", chosenTokens: tokens.0, rejectedTokens: tokens.1,
            policyChosenLogps: -10 + chosen, policyRejectedLogps: -10 + rejected, referenceChosenLogps: -10,
            referenceRejectedLogps: -10)
    }

    @Test func everyMeasureIsWhatItsFormulaSays() throws {
        let scores = try #require(HeldOutScores([[pair(0, chosen: 3, rejected: 1), pair(1, chosen: -2, rejected: 1)]]))
        #expect(scores.values(.accuracy) == [[1, 0]])
        #expect(scores.values(.margin) == [[2, -3]])
        #expect(scores.values(.kl) == [[2, -0.5]])
        #expect(scores.values(.chosenNll) == [[7, 12]])
        #expect(scores.values(.chosenNllChange) == [[-3, 2]])
    }

    @Test func aPolicyThatDidNotMoveWinsHalf() throws {
        let scores = try #require(
            HeldOutScores([[pair(0, chosen: 0, rejected: 0), pair(1, chosen: 1, rejected: 1.0001)]]))
        #expect(scores.estimate(.accuracy)?.mean == 0.5)
    }

    @Test func runsOnDifferentPairsDoNotCompare() {
        #expect(HeldOutScores([]) == nil)
        #expect(HeldOutScores([[]]) == nil)
        #expect(
            HeldOutScores([[pair(0, chosen: 1, rejected: 0)], [pair(1, chosen: 1, rejected: 0)]]) == nil)
    }

    @Test func withOnePairAPromptTheErrorIsTheUsualOne() throws {
        let values: [Double] = [1, 0, 1, 1, 0]
        let found = try #require(HeldOutScores.estimate([values], prompts: ["a", "b", "c", "d", "e"]))
        let plain = try #require(estimate(of: values))
        #expect(abs(found.mean - 0.6) < 1e-12)
        #expect(abs((found.standardError ?? 0) - (plain.standardError ?? 1)) < 1e-12)
    }

    @Test func copiesOfAPairUnderOnePromptAddNoCertainty() throws {
        let once = try #require(HeldOutScores.estimate([[1, 0, 1, 1]], prompts: ["a", "b", "c", "d"]))
        let twice = try #require(
            HeldOutScores.estimate(
                [[1, 1, 0, 0, 1, 1, 1, 1]], prompts: ["a", "a", "b", "b", "c", "c", "d", "d"]))
        #expect(abs(once.mean - twice.mean) < 1e-12)
        #expect(abs((once.standardError ?? 0) - (twice.standardError ?? 1)) < 1e-12)
    }

    /// By hand: wins 3 of 4 and 0 of 1, mean 0.6, n̄ 2.5; the prompts stand for 0.84 and 0.36.
    @Test func theMeanIsOverPairsAlsoWherePromptsHaveDifferentNumbersOfThem() throws {
        let found = try #require(HeldOutScores.estimate([[1, 1, 1, 0, 0]], prompts: ["a", "a", "a", "a", "b"]))
        #expect(abs(found.mean - 0.6) < 1e-12)
        #expect(abs((found.standardError ?? 0) - 0.24) < 1e-12)
    }

    @Test func aDifferenceIsPairedByPairAndSeed() throws {
        let one = try #require(
            HeldOutScores([
                [pair(0, chosen: 1, rejected: 0), pair(1, chosen: 2, rejected: 0)],
                [pair(0, chosen: 3, rejected: 0), pair(1, chosen: 4, rejected: 0)],
            ]))
        let other = try #require(
            HeldOutScores([
                [pair(0, chosen: 0.5, rejected: 0), pair(1, chosen: 1.5, rejected: 0)],
                [pair(0, chosen: 2.5, rejected: 0), pair(1, chosen: 3.5, rejected: 0)],
            ]))
        let difference = try #require(one.difference(from: other, in: .margin))
        #expect(difference.mean == 0.5 && difference.standardError == 0)
    }

    @Test func baselinesCountTokensAndLikelihoodAToken() throws {
        let scores = try #require(
            HeldOutScores([
                [
                    pair(0, chosen: 0, rejected: 0, tokens: (6, 5)), pair(1, chosen: 0, rejected: 0, tokens: (4, 5)),
                    pair(2, chosen: 0, rejected: 0),
                ]
            ]))
        #expect(scores.longerWins == [1, 0, 0.5])
        #expect(scores.length.name == "the longer answer")
        // The same -10 nats over more tokens is likelier a token.
        #expect(scores.likelierWins == [1, 0, 0.5])
    }

    @Test func lengthAloneSaysWhicheverIsRightMoreOften() throws {
        let pairs = [
            pair(0, chosen: 0, rejected: 0, tokens: (4, 5)), pair(1, chosen: 0, rejected: 0, tokens: (4, 9)),
            pair(2, chosen: 0, rejected: 0, tokens: (6, 5)),
        ]
        let length = try #require(HeldOutScores([pairs])).length
        #expect(length.name == "the shorter answer" && length.wins == [1, 1, 0])
    }

    @Test func noPromptIsOnBothSidesOfTheDivision() {
        let pairs = (0..<600).map { row in
            pair(row, prompt: ContentHash.sha256("\(row / 3)").prefix(16).description, chosen: 1, rejected: 0)
        }
        let (choosing, scoring) = pairs.divided()
        #expect(choosing.count + scoring.count == 600)
        #expect(Set(choosing.map(\.prompt)).isDisjoint(with: scoring.map(\.prompt)))
        #expect((120...280).contains(choosing.count))
    }

    @Test func theDescriptionOfATrainingFollowsWhatDecidesItAndNothingElse() throws {
        let finetuner = PoolFinetuner(pool: WorkerPool(size: 1, configuration: WorkerConfiguration.unused))
        func described(
            _ text: String = "a", name: String = "n", beta: Double = 0.1, lr: Double = 1e-3, seed: Int = 1,
            model: String = "one", steps: Int? = nil
        ) throws -> String {
            let request = FinetuneRequest(
                model: FinetuneModel(path: model), data: DataSource(path: "d"), maxSteps: steps)
            return try finetuner.description(
                of: LossSource(name: name, text: text, origin: .discovered, beta: 0.05), beta: beta, learningRate: lr,
                seed: seed, as: request
            ) { $0 == "two" ? "one" : $0 }
        }
        let base = try described()
        #expect(try described(name: "other") == base)
        #expect(try described(model: "two") == base)
        for other in [
            try described("b"), try described(beta: 0.2), try described(lr: 1e-4), try described(seed: 2),
            try described(model: "three"), try described(steps: 5),
        ] { #expect(other != base) }
    }
}

extension WorkerConfiguration {
    /// Of a pool that never starts a worker.
    static let unused = WorkerConfiguration(
        executable: "", virtualEnvironment: "", pythonPath: "", cache: "", logs: "")
}
