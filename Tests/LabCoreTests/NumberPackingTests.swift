import Foundation
import LabCore
import Testing

@Suite struct NumberPackingTests {
    static let fingerprint = Fingerprint(
        hash: "ab", values: [0.1, -0.0, 1e-7, -12345.678, .leastNonzeroMagnitude, .greatestFiniteMagnitude])

    private func encoded(_ value: some Encodable, packs: Bool) throws -> Data {
        try encoded(value, packing: packs ? .everything : [])
    }

    private func encoded(_ value: some Encodable, packing: NumberPacking) throws -> Data {
        let encoder = JSONEncoder()
        if let key = CodingUserInfoKey.numberPacking { encoder.userInfo[key] = packing }
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        return try encoder.encode(value)
    }

    @Test(arguments: [NumberPacking.fingerprints, .everything, []])
    func aTrialsScoresAreTheSameNumbersPackedOrNot(packing: NumberPacking) throws {
        let spec = TrialSpec(world: "w", fidelity: .full, setting: Setting(learningRate: 1e-3, beta: 0.1), seed: 3)
        let outcome = TrialOutcome.scored(
            TrialResult(
                spec: spec, questionScores: [1.0 / 3, 10, 0.1 + 0.2], greedyScores: [], kl: nil,
                metrics: ["rewards/margins": 0.25], seconds: 2.5, weightsHash: "ab"))
        let data = try encoded(outcome, packing: packing)
        #expect(try JSONDecoder().decode(TrialOutcome.self, from: data) == outcome)
        let isText = String(decoding: data, as: UTF8.self).contains(#""questionScores":""#)
        #expect(isText == packing.contains(.scores))
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
