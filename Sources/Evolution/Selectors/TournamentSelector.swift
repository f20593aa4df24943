public import LabCore

/// The fittest of a few drawn at random: the larger the tournament, the greedier the search.
public struct TournamentSelector: ParentSelector, OneParentChooser {
    public let size: Int

    public init(size: Int = 3) {
        self.size = max(1, size)
    }

    public func selectParents(
        from snapshot: ArchiveSnapshot, count: Int, using generator: inout SeededGenerator
    ) -> [CandidateID] {
        selectDistinct(count, from: snapshot, by: self, using: &generator)
    }

    func choose(from pool: [Int], of candidates: [Candidate], using generator: inout SeededGenerator) -> Int {
        let entrants = (0..<size).map { _ in generator.index(below: pool.count) }
        let fitness = entrants.map { candidates[pool[$0]].fitness ?? -.infinity }
        let winner = fitness.indices.max { fitness[$0] < fitness[$1] }
        return entrants[winner ?? 0]
    }
}
