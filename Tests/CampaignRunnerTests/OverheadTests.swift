import CampaignRunner
import Testing

@Suite struct OverheadTests {
    /// The limit is 5 ms a candidate in a release build; an unoptimised one on a busy machine gets more room.
    @Test func twoThousandCandidatesCostLittleAndTheLastAsMuchAsTheFirst() async throws {
        let report = try await benchmarkOverhead(candidates: 2000)
        print(report)
        #expect(report.candidates == 2000)
        #expect(report.millisecondsPerCandidate < 50)
        #expect(report.lastTenth < max(2.5 * report.firstTenth, 15))
        if let early = report.memoryEarly, let late = report.memoryLate {
            #expect(late - early < 60_000_000)
        }
    }
}
