import LabCore
import Yams

extension Section {
    /// A single value as text; `nil` when absent or, with a note, when it is no single value.
    private func scalar(_ key: String, expected: String) -> String? {
        guard let node = node(key) else { return nil }
        guard case .scalar(let scalar) = node, !node.isNothing else {
            complain(.wrongType, key, "must be \(expected), not \(node.kindInWords)")
            return nil
        }
        return scalar.string
    }

    /// One line of text; absent, empty or `none` gives `nil`.
    func line(_ key: String) -> String? {
        if let node = node(key), node.isNothing || node.scalar?.string == "none" { return nil }
        guard let text = scalar(key, expected: "one line of text") else { return nil }
        guard !text.isEmpty, text.utf8.count <= 1_000, !text.contains(where: \.isNewline) else {
            complain(.outOfRange, key, "must be one line of at most 1000 bytes")
            return nil
        }
        return text
    }

    func flag(_ key: String, _ fallback: Bool) -> Bool {
        guard let text = scalar(key, expected: "true or false") else { return fallback }
        guard let value = ["true": true, "false": false][text] else {
            complain(.wrongType, key, "must be true or false, not `\(text)`")
            return fallback
        }
        return value
    }

    /// A whole number; absent or `none` gives `nil`.
    func optionalInt(_ key: String, in range: ClosedRange<Int>) -> Int? {
        if let node = node(key), node.isNothing || node.scalar?.string == "none" { return nil }
        return has(key) ? int(key, range.lowerBound, in: range) : nil
    }

    func int(_ key: String, _ fallback: Int, in range: ClosedRange<Int>) -> Int {
        guard let text = scalar(key, expected: "a whole number") else { return fallback }
        guard let value = Int(text) else {
            complain(.wrongType, key, "must be a whole number, not `\(text)`")
            return fallback
        }
        return checked(value, key, in: range) ?? fallback
    }

    func unsigned(_ key: String, _ fallback: UInt64) -> UInt64 {
        guard let text = scalar(key, expected: "a whole number") else { return fallback }
        guard let value = UInt64(text) else {
            complain(.wrongType, key, "must be a whole number from 0 to \(UInt64.max), not `\(text)`")
            return fallback
        }
        return value
    }

    func double(_ key: String, _ fallback: Double, in range: ClosedRange<Double>) -> Double {
        guard let text = scalar(key, expected: "a number") else { return fallback }
        guard let value = plainDouble(text) else {
            complain(.wrongType, key, "must be a number, not `\(text)`")
            return fallback
        }
        return checked(value, key, in: range) ?? fallback
    }

    /// A number; absent gives the fallback, `none` gives `nil`.
    func optionalDouble(_ key: String, _ fallback: Double?, in range: ClosedRange<Double>) -> Double? {
        if let node = node(key), node.scalar?.string == "none" { return nil }
        return has(key) ? double(key, fallback ?? range.lowerBound, in: range) : fallback
    }

    func bool(_ key: String, _ fallback: Bool) -> Bool {
        guard let text = scalar(key, expected: "true or false") else { return fallback }
        guard let value = Bool(text) else {
            complain(.wrongType, key, "must be true or false, not `\(text)`")
            return fallback
        }
        return value
    }

    func text(_ key: String) -> String? { scalar(key, expected: "a text") }

    func choice(_ key: String, _ fallback: String, of known: [String]) -> String {
        guard let text = scalar(key, expected: "one of \(known.joined(separator: ", "))") else { return fallback }
        guard known.contains(text) else {
            let hint = suggestion(for: text, among: known, called: "possible values")
            complain(.outOfRange, key, "cannot be `\(text)`\(hint)")
            return fallback
        }
        return text
    }

    /// A name, checked as everywhere.
    func name(_ key: String, of kind: LabName.Kind) -> String? {
        guard let text = scalar(key, expected: "a name") else { return nil }
        do throws(NameError) { return try LabName(text, of: kind).text } catch {
            complain(.outOfRange, key, "\(error.reason), not `\(text)`")
            return nil
        }
    }

    /// Seconds of a duration with unit; `none` gives `nil`.
    func duration(_ key: String, _ fallback: Double?, in range: ClosedRange<Double>) -> Double? {
        if let node = node(key), node.isNothing || node.scalar?.string == "none" { return nil }
        guard let text = scalar(key, expected: "a duration such as 15m") else { return fallback }
        guard let seconds = Quantity.seconds(text) else {
            complain(
                .wrongType, key, "must be a duration with its unit, such as 90s, 15m or 2h, or none, not `\(text)`")
            return fallback
        }
        guard range.contains(seconds) else {
            let bounds = "\(Quantity.text(seconds: range.lowerBound)) to \(Quantity.text(seconds: range.upperBound))"
            complain(.outOfRange, key, "must lie in \(bounds), not `\(text)`")
            return fallback
        }
        return seconds
    }

    func checked<Value: Comparable>(_ value: Value, _ key: String, in range: ClosedRange<Value>) -> Value? {
        if range.contains(value) { return value }
        complain(.outOfRange, key, "must lie in \(range.lowerBound) to \(range.upperBound), not \(value)")
        return nil
    }
}

/// A decimal number; Swift's hexadecimal, `inf` and `nan` spellings are refused.
func plainDouble(_ text: String) -> Double? {
    guard text.allSatisfy({ "0123456789+-.eE".contains($0) }) else { return nil }
    return Double(text)
}
