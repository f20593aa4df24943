import LabCore
import Yams

extension Section {
    /// The elements of a list; a single value counts as a list of one. Absent gives `nil`.
    private func elements(_ key: String, of what: String) -> [String]? {
        guard let node = node(key) else { return nil }
        let nodes: [Node] =
            switch node {
            case .sequence(let sequence): Array(sequence)
            default: [node]
            }
        var texts: [String] = []
        for element in nodes {
            guard case .scalar(let scalar) = element, !element.isNothing else {
                complain(.wrongType, key, "must be a list of \(what), not hold \(element.kindInWords)")
                return nil
            }
            texts.append(scalar.string)
        }
        return texts
    }

    /// Different numbers in the order given, at least `atLeast` of them; a dash makes a range: `101-112`.
    func seeds(_ key: String, _ fallback: [Int], atLeast: Int = 1) -> [Int] {
        guard let texts = elements(key, of: "whole numbers") else { return fallback }
        var seeds: [Int] = []
        for text in texts {
            guard let range = seedRange(text) else {
                complain(.wrongType, key, "must hold whole numbers or ranges such as 101-112, not `\(text)`")
                return fallback
            }
            seeds += range
        }
        return listed(seeds, key, atLeast: atLeast, in: 0...Int(Int32.max)) ?? fallback
    }

    func doubles(_ key: String, _ fallback: [Double], in range: ClosedRange<Double>) -> [Double] {
        guard let texts = elements(key, of: "numbers") else { return fallback }
        var values: [Double] = []
        for text in texts {
            guard let value = plainDouble(text) else {
                complain(.wrongType, key, "must be a list of numbers, not hold `\(text)`")
                return fallback
            }
            values.append(value)
        }
        return listed(values, key, atLeast: 1, in: range) ?? fallback
    }

    /// Names, or `all` for the empty list.
    func namesOrAll(_ key: String, _ fallback: [String]) -> [String] {
        guard let texts = elements(key, of: "names") else { return fallback }
        return texts == ["all"] ? [] : slugs(texts, key, atLeast: 1, orElse: "`all` or ") ?? fallback
    }

    /// A mapping of single values; absent gives an empty one.
    func texts(_ key: String) -> [String: String] {
        guard let node = node(key), !node.isNothing else { return [:] }
        guard case .mapping(let mapping) = node else {
            complain(.wrongType, key, "must be a mapping of names to names, not \(node.kindInWords)")
            return [:]
        }
        var texts: [String: String] = [:]
        for (name, value) in mapping {
            guard let name = name.scalar?.string, let value = value.scalar?.string else {
                complain(.wrongType, key, "must be a mapping of names to names")
                return [:]
            }
            texts[name] = value
        }
        return texts
    }

    /// Names of losses; the list may be empty.
    func slugs(_ key: String, _ fallback: [String]) -> [String] {
        guard let texts = elements(key, of: "names") else { return fallback }
        return slugs(texts, key, atLeast: 0, orElse: "") ?? fallback
    }

    private func slugs(_ texts: [String], _ key: String, atLeast: Int, orElse other: String) -> [String]? {
        if let bad = texts.first(where: { (try? LabName($0, of: .loss)) == nil }) {
            complain(.outOfRange, key, "must be \(other)a list of loss names, not hold `\(bad)`")
            return nil
        }
        return listed(texts, key, atLeast: atLeast, in: ""..."\u{10FFFF}")
    }

    private func listed<Value: Comparable & Hashable>(
        _ values: [Value], _ key: String, atLeast: Int, in range: ClosedRange<Value>
    ) -> [Value]? {
        guard values.count >= atLeast else {
            complain(.outOfRange, key, "needs at least \(atLeast), but has \(values.count)")
            return nil
        }
        guard Set(values).count == values.count else {
            let twice = values.first { value in values.filter { $0 == value }.count > 1 }
            complain(.conflict, key, "has \(twice.map { "\($0)" } ?? "a value") twice; each counts once")
            return nil
        }
        for value in values where checked(value, key, in: range) == nil { return nil }
        return values
    }
}

/// `7` as 7...7, `101-112` as 101...112; at most 10,000 numbers.
private func seedRange(_ text: String) -> [Int]? {
    if let single = Int(text) { return [single] }
    let ends = text.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
    guard ends.count == 2, let first = ends[0], let last = ends[1], first <= last, last - first < 10_000 else {
        return nil
    }
    return Array(first...last)
}
