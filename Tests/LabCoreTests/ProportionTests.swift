import LabCore
import Testing

@Suite struct ProportionTests {
    /// Against Wilson's interval worked out by hand for 9 of 12 and 0 of 10.
    @Test func theIntervalIsWilsons() throws {
        let some = try #require(Proportion(9, of: 12).interval)
        #expect(abs(some.lowerBound - 0.4677) < 5e-4 && abs(some.upperBound - 0.9111) < 5e-4)
        let none = try #require(Proportion(0, of: 10).interval)
        #expect(none.lowerBound == 0 && abs(none.upperBound - 0.2775) < 5e-4)
        #expect(Proportion(0, of: 0).share == nil)
    }
}
