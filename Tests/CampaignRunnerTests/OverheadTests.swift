import CampaignRunner
import Testing

extension TimedTests {
    @Suite struct OverheadTests {
        #if DEBUG
            static let candidates = 500
        #else
            static let candidates = 2000
        #endif

        /// The limit is 5 ms, for a release build with the machine to itself (`make bench` shows it); here an
        /// unoptimised one shares a busy machine. What grew with the campaign would show all the same.
        @Test func aCandidateCostsLittleAndTheLastAsMuchAsTheFirst() async throws {
            let report = try await benchmarkOverhead(candidates: Self.candidates)
            print(report)
            #expect(report.candidates == Self.candidates)
            #expect(report.millisecondsPerCandidate < 200)
            #expect(report.lastTenth < max(2.5 * report.firstTenth, 50))
            if let early = report.memoryEarly, let late = report.memoryLate {
                #expect(late - early < 60_000_000)
            }
        }
    }
}
