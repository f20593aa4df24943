/// Which lists of numbers an encoder writes as one text, the numbers with spaces between: a fraction of the work.
///
/// For files that only programs read. Whichever form was written, decoding gives the same numbers, bit for bit.
public struct NumberPacking: OptionSet, Sendable {
    public let rawValue: Int

    public init(rawValue: Int) { self.rawValue = rawValue }

    public static let fingerprints = NumberPacking(rawValue: 1)
    /// A trial's scores, one a question.
    public static let scores = NumberPacking(rawValue: 2)
    public static let everything: NumberPacking = [.fingerprints, .scores]
}

extension CodingUserInfoKey {
    /// An encoder's `NumberPacking`; without one nothing is packed.
    public static let numberPacking = CodingUserInfoKey(rawValue: "numberPacking")
}

extension Encoder {
    func packs(_ kind: NumberPacking) -> Bool {
        CodingUserInfoKey.numberPacking.flatMap { userInfo[$0] as? NumberPacking }?.contains(kind) == true
    }
}

extension KeyedEncodingContainer {
    mutating func encode(numbers: [Double], forKey key: Key, packed: Bool) throws {
        guard packed else { return try encode(numbers, forKey: key) }
        var text = ""
        text.reserveCapacity(20 * numbers.count)
        for number in numbers {
            if !text.isEmpty { text += " " }
            text += number.description
        }
        try encode(text, forKey: key)
    }
}

extension KeyedDecodingContainer {
    func decodeNumbers(forKey key: Key) throws -> [Double] {
        guard let text = try? decode(String.self, forKey: key) else { return try decode([Double].self, forKey: key) }
        return try text.utf8.split(separator: UInt8(ascii: " ")).map { part in
            guard let number = Double(Substring(part)) else {
                throw DecodingError.dataCorruptedError(
                    forKey: key, in: self, debugDescription: "`\(Substring(part))` is no number")
            }
            return number
        }
    }
}
