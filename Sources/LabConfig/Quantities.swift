/// Durations and sizes as people write them: `90s`, `15m`, `2h`, `1h30m`; `512MiB`, `8GiB`.
public enum Quantity {
    private static let durationUnits: [(unit: String, seconds: Double)] = [
        ("ms", 0.001), ("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1),
    ]
    private static let sizeUnits: [(unit: String, bytes: Double)] = [
        ("KiB", 0x1p10), ("MiB", 0x1p20), ("GiB", 0x1p30), ("TiB", 0x1p40), ("kB", 1e3), ("MB", 1e6), ("GB", 1e9),
        ("TB", 1e12), ("B", 1),
    ]

    /// Seconds of a duration: one or more numbers, each with its unit; `nil` when a unit is missing or unknown.
    public static func seconds(_ text: String) -> Double? {
        var rest = Substring(text)
        var total = 0.0
        guard !rest.isEmpty else { return nil }
        while !rest.isEmpty {
            guard let number = takeNumber(&rest), let unit = durationUnits.first(where: { rest.hasPrefix($0.unit) })
            else { return nil }
            rest = rest.dropFirst(unit.unit.count)
            total += number * unit.seconds
        }
        return total
    }

    /// Bytes of a size: one number with its unit; `nil` when the unit is missing or unknown.
    public static func bytes(_ text: String) -> Int? {
        var rest = Substring(text)
        guard let number = takeNumber(&rest), let unit = sizeUnits.first(where: { rest == $0.unit }) else { return nil }
        return Int(exactly: (number * unit.bytes).rounded())
    }

    /// The duration in its largest whole units, such as `1h30m`; reads back to the same number of seconds.
    public static func text(seconds: Double) -> String {
        guard seconds > 0, seconds == seconds.rounded(), seconds < 1e9 else { return "\(seconds)s" }
        var rest = Int(seconds)
        var text = ""
        for (unit, size) in [("h", 3_600), ("m", 60), ("s", 1)] where rest >= size {
            text += "\(rest / size)\(unit)"
            rest %= size
        }
        return text
    }

    private static func takeNumber(_ text: inout Substring) -> Double? {
        let digits = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
        text = text.dropFirst(digits.count)
        return Double(digits)
    }
}
