extension TunedScore {
    /// The mean difference to another loss over the seeds both were trained with, question by question.
    ///
    /// `nil` when they share no seed or were asked different questions.
    public func difference(from other: TunedScore) -> Estimate? {
        let shared = seeds.filter(other.seeds.contains)
        func rows(_ score: TunedScore) -> CrossedScores? {
            CrossedScores(
                shared.compactMap { seed in
                    score.seeds.firstIndex(of: seed).flatMap { $0 < score.table.count ? score.table[$0] : nil }
                })
        }
        guard let own = rows(self), let others = rows(other) else { return nil }
        return own.minus(others)?.estimate
    }
}
