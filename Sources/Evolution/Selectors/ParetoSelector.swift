public import LabCore

/// Losses that no other beats in both score and KL, each as likely as the others of the front.
///
/// Only the better half by score competes: a loss that trains nothing has no KL and would otherwise lie on every front.
public struct ParetoSelector: ParentSelector, OneParentChooser {
    public init() {}

    public func selectParents(
        from snapshot: ArchiveSnapshot, count: Int, using generator: inout SeededGenerator
    ) -> [CandidateID] {
        selectDistinct(count, from: snapshot, by: self, using: &generator)
    }

    func choose(from pool: [Int], of candidates: [Candidate], using generator: inout SeededGenerator) -> Int {
        let points = pool.map { position in
            let tuned = candidates[position].tuned
            return (score: tuned?.score.mean ?? -.infinity, kl: tuned?.kl ?? .infinity)
        }
        let front = Self.front(of: points)
        return front[generator.index(below: front.count)]
    }

    /// Indices on the front of the better half, the best score first: each has less KL than every better one.
    ///
    /// Of equal points the first alone is kept. Unknown KL counts as the largest.
    static func front(of points: [(score: Double, kl: Double)]) -> [Int] {
        let ordered = points.indices.sorted {
            (points[$1].score, points[$0].kl, $0) < (points[$0].score, points[$1].kl, $1)
        }
        var front: [Int] = []
        for index in ordered.prefix((points.count + 1) / 2) {
            guard let last = front.last else {
                front.append(index)
                continue
            }
            if points[index].kl < points[last].kl { front.append(index) }
        }
        return front
    }
}
