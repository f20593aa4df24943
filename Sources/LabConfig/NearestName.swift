/// The name among `known` that was probably meant: at most a third of its letters differ.
func nearestName(to name: String, among known: [String]) -> String? {
    let lowered = name.lowercased()
    let ranked = known.map { (name: $0, distance: editDistance(lowered, $0.lowercased())) }
    guard let best = ranked.min(by: { $0.distance < $1.distance }) else { return nil }
    return best.distance <= max(1, max(name.count, best.name.count) / 3) ? best.name : nil
}

/// "; did you mean `seed`?", or the known names when none is near.
func suggestion(for name: String, among known: [String], called: String = "known keys") -> String {
    if let nearest = nearestName(to: name, among: known) { return "; did you mean `\(nearest)`?" }
    return "; \(called): \(known.joined(separator: ", "))"
}

/// Insertions, deletions, replacements and swaps of neighbours that turn one text into the other.
func editDistance(_ left: String, _ right: String) -> Int {
    let (a, b) = (Array(left), Array(right))
    var beforeLast = [Int](repeating: 0, count: b.count + 1)
    var last = Array(0...b.count)
    for i in a.indices {
        var row = [i + 1] + [Int](repeating: 0, count: b.count)
        for j in b.indices {
            row[j + 1] = min(last[j + 1] + 1, row[j] + 1, last[j] + (a[i] == b[j] ? 0 : 1))
            if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { row[j + 1] = min(row[j + 1], beforeLast[j - 1] + 1) }
        }
        beforeLast = last
        last = row
    }
    return last[b.count]
}
