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

/// `values` may be packed, see `NumberPacking`.
extension Fingerprint: Codable {
    private enum CodingKeys: CodingKey { case hash, values }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        hash = try container.decode(String.self, forKey: .hash)
        values = try container.decodeNumbers(forKey: .values)
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(hash, forKey: .hash)
        try container.encode(numbers: values, forKey: .values, packed: encoder.packs(.fingerprints))
    }
}
