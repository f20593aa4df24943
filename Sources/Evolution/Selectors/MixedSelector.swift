public import LabCore

/// Each parent by one of three selectors: greed, variety and chance in one search.
public struct MixedSelector: ParentSelector, OneParentChooser {
    /// Most parents win tournaments, a quarter come from the front of score and KL, a tenth by chance.
    static let weights = (tournament: 0.65, pareto: 0.25)

    public let tournamentSize: Int

    public init(tournamentSize: Int = 3) {
        self.tournamentSize = tournamentSize
    }

    public func selectParents(
        from snapshot: ArchiveSnapshot, count: Int, using generator: inout SeededGenerator
    ) -> [CandidateID] {
        selectDistinct(count, from: snapshot, by: self, using: &generator)
    }

    func choose(from pool: [Int], of candidates: [Candidate], using generator: inout SeededGenerator) -> Int {
        let point = generator.uniform()
        if point < Self.weights.tournament {
            return TournamentSelector(size: tournamentSize).choose(from: pool, of: candidates, using: &generator)
        }
        if point < Self.weights.tournament + Self.weights.pareto {
            return ParetoSelector().choose(from: pool, of: candidates, using: &generator)
        }
        return RandomSelector().choose(from: pool, of: candidates, using: &generator)
    }
}

extension SelectionConfig {
    /// The selector that the configuration names, or `nil` for an unknown name.
    public var selector: (any ParentSelector)? {
        switch strategy {
        case "tournament": TournamentSelector(size: tournamentSize)
        case "pareto": ParetoSelector()
        case "random": RandomSelector()
        case "mixed": MixedSelector(tournamentSize: tournamentSize)
        default: nil
        }
    }
}
