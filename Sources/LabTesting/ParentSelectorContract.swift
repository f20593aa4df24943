public import LabCore

/// What every `ParentSelector` promises, whatever its taste.
public enum ParentSelectorContract {
    public static let claims: [ContractClaim<any ParentSelector>] = [
        ContractClaim("an archive without any score gives no parents") { selector in
            try require(select(by: selector, from: [], 3), equals: [], "parents from nothing")
            let unscored = pool.filter { $0.tuned == nil }
            try require(select(by: selector, from: unscored, 3), equals: [], "parents from rejected losses")
        },
        ContractClaim("as many distinct parents as asked for, scored losses that are no controls") { selector in
            for seed in seeds {
                let parents = select(by: selector, from: pool, 3, seed: seed)
                try require(parents.count, equals: 3, "number of parents")
                try require(Set(parents).count, equals: 3, "number of distinct parents")
                try require(eligible.isSuperset(of: parents), equals: true, "eligibility of \(parents)")
            }
            try require(select(by: selector, from: pool, 0), equals: [], "parents when none are asked for")
        },
        ContractClaim("all eligible losses when more are asked for than there are") { selector in
            let parents = select(by: selector, from: pool, 1000)
            try require(parents.count, equals: eligible.count, "number of parents")
            try require(Set(parents), equals: eligible, "parents")
        },
        ContractClaim("same snapshot and generator state, same parents, in whatever order they were recorded") {
            selector in
            for seed in seeds {
                let parents = select(by: selector, from: pool, 3, seed: seed)
                try require(select(by: selector, from: pool, 3, seed: seed), equals: parents, "parents again")
                let reordered = select(by: selector, from: pool.reversed(), 3, seed: seed)
                try require(reordered, equals: parents, "parents from the reversed record")
            }
        },
        ContractClaim("different generators do not always give the same parent") { selector in
            let chosen = Set(seeds.flatMap { select(by: selector, from: pool, 1, seed: $0) })
            try require(chosen.count > 1, equals: true, "variety of parents")
        },
    ]

    private static let seeds = UInt64(1)...20

    private static func select(
        by selector: any ParentSelector, from candidates: [Candidate], _ count: Int, seed: UInt64 = 1
    ) -> [CandidateID] {
        var generator = SeededGenerator(seed: seed)
        return selector.selectParents(from: ArchiveSnapshot(candidates: candidates), count: count, using: &generator)
    }

    /// Scored, rejected and control losses; equal scores among them, and less KL where the score is lower.
    private static let pool: [Candidate] = (-3...12).filter { $0 != 0 }.map { number in
        let mean = 5 + Double((number * 7 + 21) % 5) * 0.25
        let scored = number % 4 != 3
        let example = Example.candidate(number, "loss-\(number)", status: scored ? .scored(.full) : nil)
        let source = LossSource(
            name: example.proposal.name, text: "", origin: .discovered, beta: 0.05, isControl: number == -2)
        return Candidate(
            id: example.id, arm: example.arm, generation: example.generation, proposal: example.proposal,
            source: source, fingerprint: example.fingerprint, shape: nil,
            status: scored ? .scored(.full) : .rejected(Rejection(code: "nonfinite", message: "")),
            tuned: scored ? Example.tunedScore(mean: mean, kl: mean - 4) : nil)
    }

    private static let eligible = Set(pool.filter { $0.tuned != nil && $0.source?.isControl != true }.map(\.id))
}
