import Foundation
import LabCore
import Testing

@Suite struct FingerprintTests {
    static let fingerprint = Fingerprint(
        hash: "ab", values: [0.1, -0.0, 1e-7, -12345.678, .leastNonzeroMagnitude, .greatestFiniteMagnitude])

    private func encoded(_ fingerprint: Fingerprint, packs: Bool) throws -> Data {
        let encoder = JSONEncoder()
        if let key = CodingUserInfoKey.packsNumbers { encoder.userInfo[key] = packs }
        return try encoder.encode(fingerprint)
    }

    @Test(arguments: [false, true])
    func bothFormsAreReadBitForBit(packs: Bool) throws {
        let read = try JSONDecoder().decode(Fingerprint.self, from: encoded(Self.fingerprint, packs: packs))
        #expect(read.hash == "ab")
        #expect(read.values.map(\.bitPattern) == Self.fingerprint.values.map(\.bitPattern))
    }

    @Test func numbersAreAListUnlessPackingIsAskedFor() throws {
        struct Plain: Decodable { let values: [Double] }
        struct Packed: Decodable { let values: String }
        let plain = try JSONDecoder().decode(Plain.self, from: encoded(Self.fingerprint, packs: false))
        #expect(plain.values == Self.fingerprint.values)
        let packed = try JSONDecoder().decode(Packed.self, from: encoded(Self.fingerprint, packs: true))
        #expect(packed.values.hasPrefix("0.1 -0.0 1e-07 "))
    }

    @Test func whatIsNotFiniteSurvivesPackingAndNothingIsNothing() throws {
        let odd = Fingerprint(hash: "", values: [.infinity, -.infinity])
        #expect(try JSONDecoder().decode(Fingerprint.self, from: encoded(odd, packs: true)) == odd)
        let empty = Fingerprint(hash: "", values: [])
        #expect(try JSONDecoder().decode(Fingerprint.self, from: encoded(empty, packs: true)) == empty)
    }

    @Test func aWordAmongTheNumbersIsNamed() throws {
        let error = #expect(throws: DecodingError.self) {
            try JSONDecoder().decode(Fingerprint.self, from: Data(#"{"hash": "a", "values": "0.5 half"}"#.utf8))
        }
        #expect(error.map { "\($0)" }?.contains("`half` is no number") == true)
    }
}
