import Testing

@testable import LabCore

/// Expected values: scipy 1.17.1; Holm's by hand.
@Suite struct StatisticsRanksTests {
    let left = [1.0, 2, 2, 5, 9, 7]
    let right = [3.0, 1, 4, 4, 8, 6]

    @Test func tiesShareTheirMeanRank() {
        #expect(ranks(of: left) == [1, 2.5, 2.5, 4, 6, 5])
        #expect(ranks(of: []) == [])
    }

    @Test func correlationsEqualScipy() throws {
        #expect(abs(try #require(spearman(left, right)) - 0.8676470588235294) < 1e-12)
        #expect(abs(try #require(pearson(left, right)) - 0.8847804709079637) < 1e-12)
    }

    @Test func correlationOfAConstantIsAbsent() {
        #expect(spearman([1, 1, 1], [1, 2, 3]) == nil)
        #expect(pearson([1], [1]) == nil)
        #expect(pearson([1, 2], [1, 2, 3]) == nil)
    }

    @Test func holmMultipliesByTheRemainingHypothesesAndNeverFalls() {
        // Sorted: .01 * 4, .02 * 3, .025 * 2 -> raised to .06, .9 * 1.
        let adjusted = holmAdjusted([0.025, 0.01, 0.9, 0.02])
        for (value, expected) in zip(adjusted, [0.06, 0.04, 0.9, 0.06]) { #expect(abs(value - expected) < 1e-12) }
        #expect(holmAdjusted([0.7, 0.8]) == [1, 1])
        #expect(holmAdjusted([]) == [])
    }
}
