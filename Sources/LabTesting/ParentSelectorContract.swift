public import LabCore

/// What every parent selector must do, whatever its taste; a conformer's tests expect no violations.
public enum ParentSelectorContract {
    /// Sentences that name the broken promises; empty when the selector keeps them all.
    public static func violations(of selector: any ParentSelector) -> [String] {
        var found: [String] = []
        func promise(_ kept: Bool, _ sentence: String) {
            if !kept { found.append(sentence) }
        }
        func select(_ candidates: [Candidate], _ count: Int, seed: UInt64 = 1) -> [CandidateID] {
            var generator = SeededGenerator(seed: seed)
            return selector.selectParents(from: ArchiveSnapshot(candidates: candidates), count: count, using: &generator)
        }

        let pool = examples()
        let eligible = Set(pool.filter { $0.tuned != nil && $0.source?.isControl != true }.map(\.id))
        promise(select([], 3).isEmpty, "an empty archive gives no parents")
        promise(select(pool, 0).isEmpty, "no parents are chosen when none are asked for")
        promise(
            select(pool.filter { $0.tuned == nil }, 2).isEmpty, "an archive without any score gives no parents")
        for seed in UInt64(1)...50 {
            let parents = select(pool, 3, seed: seed)
            promise(parents.count == 3, "as many parents as asked for, while there are enough (seed \(seed))")
            promise(Set(parents).count == parents.count, "no parent twice in one choice (seed \(seed))")
            promise(eligible.isSuperset(of: parents), "only scored losses that are no controls (seed \(seed))")
            promise(parents == select(pool, 3, seed: seed), "same snapshot and generator, same parents (seed \(seed))")
            promise(
                parents == select(pool.reversed(), 3, seed: seed), "the order of recording does not matter (seed \(seed))")
        }
        promise(Set(select(pool, 1000)) == eligible, "all eligible losses when more are asked for than there are")
        let variety = Set((UInt64(1)...50).flatMap { select(pool, 1, seed: $0) })
        promise(variety.count > 1, "different seeds do not always give the same parent")
        return found
    }

    /// Scored, rejected, unscored and control losses, with and without KL, with equal scores among them.
    private static func examples() -> [Candidate] {
        (-3...12).filter { $0 != 0 }.map { number in
            let scored = number % 4 != 3
            let mean = 5 + Double((number &* 7 + 21) % 5) * 0.3
            let estimate = Estimate(mean: mean, standardError: 0.1, degreesOfFreedom: 20, count: 3)
            let tuned = TunedScore(
                setting: Setting(learningRate: 1e-3, beta: 0.05), score: estimate, greedy: estimate,
                kl: number % 5 == 0 ? nil : Double((number &* 3 + 12) % 7) * 0.2, fidelity: .full, table: [[mean]],
                greedyTable: [[mean]], seeds: [1], trials: 1, onGridEdge: false)
            return Candidate(
                id: CandidateID(number), arm: number < 0 ? .catalogue : .evolution, generation: 0,
                proposal: LossProposal(name: "c\(number)", text: "", operation: "example"),
                source: LossSource(name: "c\(number)", text: "", origin: .discovered, beta: 0.05, isControl: number == -2),
                fingerprint: nil, shape: nil,
                status: scored ? .scored(.full) : .rejected(Rejection(code: "nonfinite", message: "")),
                tuned: scored ? tuned : nil)
        }
    }
}
