extension RubricCheck {
    /// How well an answer's words pass this check, 0 to 1.
    public func value(of words: [String]) -> Double {
        switch kind {
        case .sequence:
            let body = withoutIgnored(words)
            return share(longestCommonSubsequence(body, expected ?? []), body)
        case .bag:
            let body = withoutIgnored(words)
            return share(overlap(body, expected ?? []), body)
        case .begins:
            return words.starts(with: expected ?? []) ? 1 : 0
        case .ends:
            return words.reversed().starts(with: (expected ?? []).reversed()) ? 1 : 0
        case .avoids:
            let unwanted = Set(self.words ?? [])
            return falling(Double(words.count { unwanted.contains($0) }), to: zeroAt ?? 1)
        case .length:
            let count = Double(words.count)
            let outside = max(0, (atLeast ?? 0) - count, count - (atMost ?? .infinity))
            guard outside > 0 else { return 1 }
            return falling(outside, to: slack ?? 1)
        case .noRepeats:
            return falling(Double(zip(words, words.dropFirst()).count { $0 == $1 }), to: zeroAt ?? 1)
        }
    }

    private func withoutIgnored(_ words: [String]) -> [String] {
        guard let ignore, !ignore.isEmpty else { return words }
        let ignored = Set(ignore)
        return words.filter { !ignored.contains($0) }
    }

    /// Hits as a share of the longer side, so that both missing and surplus words cost; 0 for an empty body.
    private func share(_ hits: Int, _ body: [String]) -> Double {
        body.isEmpty ? 0 : Double(hits) / Double(max(body.count, expected?.count ?? 0))
    }

    private func falling(_ count: Double, to zero: Double) -> Double {
        zero > 0 ? max(0, 1 - count / zero) : (count > 0 ? 0 : 1)
    }
}

/// Length of the longest common subsequence.
func longestCommonSubsequence(_ left: [String], _ right: [String]) -> Int {
    var row = [Int](repeating: 0, count: right.count + 1)
    for word in left {
        var diagonal = 0
        for (column, other) in right.enumerated() {
            let above = row[column + 1]
            row[column + 1] = word == other ? diagonal + 1 : max(above, row[column])
            diagonal = above
        }
    }
    return row[right.count]
}

/// Size of the multiset intersection.
func overlap(_ left: [String], _ right: [String]) -> Int {
    var counts: [String: Int] = [:]
    for word in right { counts[word, default: 0] += 1 }
    var hits = 0
    for word in left {
        if let count = counts[word], count > 0 {
            counts[word] = count - 1
            hits += 1
        }
    }
    return hits
}
