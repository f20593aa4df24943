/// A share that was counted, with its Wilson score interval (Wilson 1927), which holds for small counts too.
public struct Proportion: Codable, Sendable, Hashable {
    public let count: Int
    public let total: Int

    public init(_ count: Int, of total: Int) {
        self.count = count
        self.total = total
    }

    /// Between 0 and 1; `nil` of nothing.
    public var share: Double? { total > 0 ? Double(count) / Double(total) : nil }

    /// Two-sided 95 % interval; `nil` of nothing.
    public var interval: ClosedRange<Double>? {
        guard let share else { return nil }
        let (n, z) = (Double(total), 1.959964)
        let centre = (share + z * z / (2 * n)) / (1 + z * z / n)
        let half = z / (1 + z * z / n) * (share * (1 - share) / n + z * z / (4 * n * n)).squareRoot()
        return max(0, centre - half)...min(1, centre + half)
    }
}
