import LabCore

/// Chooses one parent at a time; the selectors share how several distinct ones come of that.
///
/// Pools are positions in the snapshot's candidates, so that a choice among ten thousand copies nothing.
protocol OneParentChooser: Sendable {
    /// An index of the never empty `pool`.
    func choose(from pool: [Int], of candidates: [Candidate], using generator: inout SeededGenerator) -> Int
}

/// Draws without replacement until `count` are chosen or nobody is left.
///
/// Parents are scored losses that are no deliberately bad controls; catalogue losses are among them, so that a search
/// can start where the field stands.
func selectDistinct(
    _ count: Int, from snapshot: ArchiveSnapshot, by chooser: some OneParentChooser,
    using generator: inout SeededGenerator
) -> [CandidateID] {
    let candidates = snapshot.candidates
    var pool = candidates.indices.filter { candidates[$0].tuned != nil && candidates[$0].source?.isControl != true }
    var chosen: [CandidateID] = []
    while chosen.count < count, !pool.isEmpty {
        chosen.append(candidates[pool.remove(at: chooser.choose(from: pool, of: candidates, using: &generator))].id)
    }
    return chosen
}

extension SeededGenerator {
    /// Uniform in `0..<count`; the bias of the reduction is below 2^-40 for any archive that fits in memory.
    mutating func index(below count: Int) -> Int { Int(next() >> 11) % count }
}
