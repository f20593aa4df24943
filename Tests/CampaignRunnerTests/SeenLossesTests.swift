import Evolution
import LabCore
import Testing

@testable import CampaignRunner

@Suite struct SeenLossesTests {
    private func fingerprint(_ seed: UInt64, length: Int = 200) -> Fingerprint {
        var generator = SeededGenerator(seed: seed)
        return Fingerprint(hash: "\(seed)", values: (0..<length).map { _ in generator.normal() })
    }

    /// The same fingerprint moved by exactly `distance`, in a random direction.
    private func moved(_ fingerprint: Fingerprint, by distance: Double, seed: UInt64) -> Fingerprint {
        let direction = self.fingerprint(seed, length: fingerprint.values.count).values
        let length = (direction.reduce(0) { $0 + $1 * $1 } / Double(direction.count)).squareRoot()
        return Fingerprint(
            hash: "moved", values: zip(fingerprint.values, direction).map { $0 + $1 / length * distance })
    }

    @Test func everyLossWithinTheToleranceIsAmongTheNear() {
        let tolerance = NoveltyFilter.defaultTolerance
        var index = FingerprintIndex(tolerance: tolerance)
        for number in 1...2000 {
            index.insert(fingerprint(UInt64(number)), id: CandidateID(number), name: "c\(number)")
        }
        var compared = 0
        for number in stride(from: 1, through: 2000, by: 7) {
            let near = index.near(
                moved(fingerprint(UInt64(number)), by: 0.999 * tolerance, seed: UInt64(number + 5000)))
            #expect(near.contains { $0.id.number == number })
            compared += near.count
        }
        // Few others are compared in full: on average about one, of 2,000.
        #expect(compared < 3 * 286)
    }

    @Test func theFilterDecidesAmongTheNear() async throws {
        var seen = SeenLosses()
        let known = fingerprint(1)
        seen.insert(CandidateID(1), name: "first", fingerprint: known)
        let twin = try await seen.duplicate(of: moved(known, by: 5e-4, seed: 3)) { _ in known }
        let other = try await seen.duplicate(of: moved(known, by: 2e-3, seed: 3)) { _ in known }
        #expect(twin == "first")
        #expect(other == nil)
    }

    @Test func infiniteValuesDoNotTrap() {
        var index = FingerprintIndex(tolerance: 1e-3)
        let wild = Fingerprint(hash: "", values: [.infinity, -.infinity, .nan, 1e300])
        index.insert(wild, id: CandidateID(1), name: "wild")
        #expect(index.near(wild).count == 1)
        #expect(index.near(Fingerprint(hash: "", values: [])).count <= 1)
    }

    @Test func namesAreLegalAndUnique() {
        var seen = SeenLosses()
        seen.insert(CandidateID(-1), name: "dpo", fingerprint: nil)
        #expect(seen.uniqueName("dpo", id: CandidateID(4)) == "dpo-4")
        #expect(seen.uniqueName("Soft Margin!", id: CandidateID(5)) == "soft-margin-")
        #expect(seen.uniqueName("", id: CandidateID(6)) == "loss")
    }
}
