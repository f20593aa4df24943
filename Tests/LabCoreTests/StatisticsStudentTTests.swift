import Testing

@testable import LabCore

/// Expected values: scipy 1.17.1, `scipy.stats.t.sf` and `scipy.stats.t.ppf`.
@Suite struct StatisticsStudentTTests {
    @Test(arguments: [
        (0.3, 1, 0.4072264209222577), (2.2, 1, 0.13579974878009188), (12, 1, 0.026464676059589878),
        (0.3, 1.93, 0.39669484126212423), (2.2, 1.93, 0.08169856089255849), (12, 1.93, 0.0039126493766224475),
        (5, 2.5, 0.011725594985430925), (0.3, 11, 0.38488517894468594), (2.2, 11, 0.02504305549090214),
        (12, 11, 5.8164202513095616e-08), (5, 30.7, 1.0999784730555118e-05), (12, 30.7, 2.0015129141800562e-13),
        (2.2, 158, 0.014629379819676993), (12, 158, 2.7048827176688447e-24), (2.2, 2000, 0.01396044994163048),
        (5, 1e6, 2.8669989354453723e-07), (2.2, .infinity, 0.013903447513498595),
    ])
    func upperTailEqualsScipy(t: Double, freedom: Double, expected: Double) {
        let tail = StudentT.upperTail(t, degreesOfFreedom: freedom)
        #expect(abs(tail / expected - 1) < 1e-8)
        #expect(abs(StudentT.cumulative(t, degreesOfFreedom: freedom) - (1 - expected)) < 1e-9)
    }

    @Test(arguments: [
        (0.6, 1, 0.32491969623290634), (0.95, 1, 6.313751514675037), (0.9999, 1, 3183.098757118502),
        (0.975, 1.93, 4.4557136730126), (0.9999, 2.5, 34.867969321116306), (0.6, 11, 0.25955586047627044),
        (0.95, 11, 1.7958848187040433), (0.975, 11, 2.200985160091639), (0.975, 30.7, 2.040321537812142),
        (0.95, 158, 1.6545548754395898), (0.9999, 158, 3.8081519668693704), (0.975, 1e6, 1.959966356814107),
        (0.975, .infinity, 1.959963984540054),
    ])
    func quantileEqualsScipy(probability: Double, freedom: Double, expected: Double) {
        #expect(abs(StudentT.quantile(probability, degreesOfFreedom: freedom) / expected - 1) < 1e-8)
        #expect(abs(StudentT.quantile(1 - probability, degreesOfFreedom: freedom) / expected + 1) < 1e-8)
    }

    @Test func theEndsAndTheMiddleAreExact() {
        #expect(StudentT.quantile(0.5, degreesOfFreedom: 7) == 0)
        #expect(StudentT.quantile(1, degreesOfFreedom: 7) == .infinity)
        #expect(StudentT.quantile(0, degreesOfFreedom: 7) == -.infinity)
        #expect(StudentT.cumulative(0, degreesOfFreedom: 7) == 0.5)
        #expect(StudentT.cumulative(.infinity, degreesOfFreedom: 7) == 1)
        #expect(StudentT.cumulative(-.infinity, degreesOfFreedom: 7) == 0)
    }
}

/// Expected values: `scipy.stats.ttest_1samp` and `scipy.stats.t.interval` of 0.3, -0.1, 0.45, 0.2, 0.05.
@Suite struct StatisticsEstimateTests {
    @Test func meanErrorIntervalAndPValuesEqualScipy() throws {
        let result = try #require(estimate(of: [0.3, -0.1, 0.45, 0.2, 0.05]))
        let interval = try #require(result.interval())
        #expect(abs(result.mean - 0.18) < 1e-12)
        #expect(abs(try #require(result.standardError) - 0.09565563234854496) < 1e-12)
        #expect(result.degreesOfFreedom == 4)
        #expect(abs(interval.lowerBound + 0.08558261221871735) < 1e-9)
        #expect(abs(interval.upperBound - 0.4455826122187174) < 1e-9)
        #expect(abs(result.pValueAboveZero - 0.06650597378373883) < 1e-9)
        #expect(abs(result.pValueAgainstZero - 0.13301194756747767) < 1e-9)
    }

    @Test func theLowerBoundIsTheOneSidedInterval() {
        let result = Estimate(mean: 1, standardError: 0.5, degreesOfFreedom: 11, count: 12)
        #expect(abs(result.lowerBound() - (1 - 0.5 * 1.7958848187040433)) < 1e-9)
    }

    @Test func oneObservationHasNoErrorAndProvesNothing() throws {
        let single = try #require(estimate(of: [3]))
        #expect(single.standardError == nil)
        #expect(single.interval() == nil)
        #expect(single.pValueAboveZero == 1)
        #expect(single.lowerBound() == 3)
        #expect(estimate(of: []) == nil)
    }

    @Test func noSpreadAtAllIsCertainty() {
        let certain = Estimate(mean: 0.1, standardError: 0, degreesOfFreedom: 3, count: 4)
        #expect(certain.pValueAboveZero == 0)
        #expect(Estimate(mean: 0, standardError: 0, degreesOfFreedom: 3, count: 4).pValueAgainstZero == 1)
    }
}
