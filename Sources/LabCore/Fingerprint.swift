/// A loss's values and partial derivatives on a fixed probe grid, offset and scale removed.
public struct Fingerprint: Sendable, Equatable {
    /// Coarse key: equal losses have equal keys up to rounding; compare values for the truth.
    public let hash: String
    public let values: [Double]

    public init(hash: String, values: [Double]) {
        self.hash = hash
        self.values = values
    }

    /// Root mean square difference to another fingerprint; infinite when the grids differ.
    public func distance(to other: Fingerprint) -> Double {
        guard values.count == other.values.count, !values.isEmpty else { return .infinity }
        let sum = zip(values, other.values).reduce(0.0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
        return (sum / Double(values.count)).squareRoot()
    }
}

extension CodingUserInfoKey {
    /// Set to `true` for an encoder of files that programs read: a fingerprint's numbers become one text.
    public static let packsNumbers = CodingUserInfoKey(rawValue: "packsNumbers")
}

/// `values` is a list of numbers or, a fraction of the work for an encoder, one text of them with spaces between. Both
/// can be read and give the same numbers.
extension Fingerprint: Codable {
    private enum CodingKeys: CodingKey { case hash, values }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        hash = try container.decode(String.self, forKey: .hash)
        guard let text = try? container.decode(String.self, forKey: .values) else {
            values = try container.decode([Double].self, forKey: .values)
            return
        }
        values = try text.utf8.split(separator: UInt8(ascii: " ")).map { part in
            guard let value = Double(Substring(part)) else {
                throw DecodingError.dataCorruptedError(
                    forKey: .values, in: container, debugDescription: "`\(Substring(part))` is no number")
            }
            return value
        }
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(hash, forKey: .hash)
        if CodingUserInfoKey.packsNumbers.flatMap({ encoder.userInfo[$0] as? Bool }) == true {
            try container.encode(packedValues, forKey: .values)
        } else {
            try container.encode(values, forKey: .values)
        }
    }

    private var packedValues: String {
        var text = ""
        text.reserveCapacity(20 * values.count)
        for value in values {
            if !text.isEmpty { text += " " }
            text += value.description
        }
        return text
    }
}
