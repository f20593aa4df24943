import Testing

@testable import LabCore

@Suite struct StatisticsCrossedTests {
    /// Mean squares by numpy: seeds .735833, questions 5.323056, residual .094722.
    @Test func errorAndFreedomEqualTheAnalysisOfVarianceByHand() throws {
        let table = [[6.1, 7.4, 5.0, 8.2], [6.4, 7.1, 5.6, 8.9], [5.2, 6.6, 5.1, 7.7]]
        let result = try #require(CrossedScores(table)).estimate
        #expect(abs(result.mean - 6.608333333333333) < 1e-12)
        #expect(abs(try #require(result.standardError) - 0.7049921197353125) < 1e-12)
        #expect(abs(try #require(result.degreesOfFreedom) - 3.6606538109863913) < 1e-9)
        #expect(result.count == 3)
    }

    @Test func oneSeedCountsQuestionsAndOneQuestionCountsSeeds() throws {
        let values = [0.3, -0.1, 0.45, 0.2, 0.05]
        let row = try #require(CrossedScores([values])).estimate
        let column = try #require(CrossedScores(values.map { [$0] })).estimate
        for result in [row, column] {
            #expect(abs(try #require(result.standardError) - 0.09565563234854496) < 1e-12)
            #expect(result.degreesOfFreedom == 4)
        }
        let cell = try #require(CrossedScores([[5]])).estimate
        #expect(cell.mean == 5)
        #expect(cell.standardError == nil)
    }

    @Test func pureResidualNoiseIsNoCertainty() throws {
        // Rows and columns sum to nothing: both mean squares are zero and the residual's is 4 over one degree of freedom.
        let result = try #require(CrossedScores([[1, -1], [-1, 1]])).estimate
        #expect(result.standardError == 1)
        #expect(result.degreesOfFreedom == 1)
    }

    @Test func raggedAndEmptyTablesAreRefused() throws {
        #expect(CrossedScores([]) == nil)
        #expect(CrossedScores([[]]) == nil)
        #expect(CrossedScores([[1, 2], [1]]) == nil)
        let table = try #require(CrossedScores([[1, 2]]))
        #expect(table.minus(try #require(CrossedScores([[1], [2]]))) == nil)
        #expect(table.minus(table)?.values == [[0, 0]])
    }

    /// Seeds, questions and residual as a paired difference of two losses has them; the true mean is zero.
    @Test(arguments: [(12, 160), (3, 80)])
    func intervalsHoldTheTruthNearlyAsOftenAsTheySay(seeds: Int, questions: Int) throws {
        var generator = SeededGenerator(seed: 11)
        let tables = 400
        var held = 0
        for _ in 0..<tables {
            let columns = (0..<questions).map { _ in 0.5 * generator.normal() }
            let values = (0..<seeds).map { _ in
                let row = 0.07 * generator.normal()
                return columns.map { $0 + row + 0.7 * generator.normal() }
            }
            if try #require(CrossedScores(values)?.estimate.interval()).contains(0) { held += 1 }
        }
        // Three standard errors of a share of .95 over 400 tables are .033.
        #expect(abs(Double(held) / Double(tables) - 0.95) < 0.04)
    }
}
