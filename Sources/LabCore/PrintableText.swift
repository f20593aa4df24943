/// Text that came from elsewhere (models, servers, data, files), as a terminal may show it.
extension String {
    /// Controls, and signs that change the direction or the place of what follows, as `\u001b`; line breaks and tabs stay.
    ///
    /// Within JSON text the result is the same JSON, since strings may hold these escapes.
    public var printable: String {
        guard unicodeScalars.contains(where: \.isHidden) else { return self }
        var shown = String.UnicodeScalarView()
        for scalar in unicodeScalars {
            guard scalar.isHidden else {
                shown.append(scalar)
                continue
            }
            let digits = String(scalar.value, radix: 16)
            shown.append(
                contentsOf: "\\u\(String(repeating: "0", count: max(0, 4 - digits.count)))\(digits)".unicodeScalars)
        }
        return String(shown)
    }

    /// The same, cut to a number of Unicode scalars with the number of those left out: one character may hold any number.
    public func printable(upTo longest: Int) -> String {
        let left = unicodeScalars.count - longest
        guard left > 0 else { return printable }
        return "\(String(unicodeScalars.prefix(longest)).printable) ... (\(left) more characters)"
    }
}

extension Unicode.Scalar {
    /// C0 (but line feed and tab), DEL and C1 controls, line and paragraph separators, and marks of direction.
    fileprivate var isHidden: Bool {
        switch value {
        case 0x0A, 0x09: false
        case 0..<0x20, 0x7F...0x9F, 0x061C, 0x200E, 0x200F, 0x2028...0x202E, 0x2066...0x2069, 0xFEFF: true
        default: false
        }
    }
}
