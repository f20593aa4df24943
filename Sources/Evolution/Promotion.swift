public import LabCore

/// Which losses go on to the next, more expensive step.
public struct Promotion: Sendable {
    /// Share of a generation's candidates that go from proxy to full.
    public let share: Double
    /// Tells losses apart where they must be distinct.
    public let novelty: NoveltyFilter
    /// The loss every campaign compares with, whatever its score.
    public let baseline: String

    public init(share: Double, novelty: NoveltyFilter = NoveltyFilter(), baseline: String = "dpo") {
        self.share = share
        self.novelty = novelty
        self.baseline = baseline
    }

    /// Candidates of one generation that go from proxy to full: the best share by mean proxy score, at least one.
    ///
    /// Candidates near the cut are not let through as well. With one proxy seed the paired standard error is as large as
    /// the spread of good losses, so "within one standard error" would promote nearly all and double the cost of a
    /// generation; the full rung's seeds are better spent on the next one. Equal scores go to the earlier candidate.
    public func promotedToFull(_ generation: [Candidate]) -> [CandidateID] {
        let scored = generation.filter { $0.tuned != nil }.sorted(by: Self.better)
        guard !scored.isEmpty else { return [] }
        let count = min(scored.count, max(1, Int((share * Double(scored.count)).rounded(.up))))
        return scored.prefix(count).map(\.id)
    }

    /// Candidates that go to confirmation: full fidelity only, the best first, no two alike by fingerprint.
    ///
    /// Ranked by fitness, the lower confidence bound of the score. Ranking by the mean finds a loss better by .15 as often
    /// (73.2 against 73.1 % of 2,000 simulated campaigns); by the bound of the paired difference to DPO a little less
    /// often (71.5 %), since its error is itself estimated from few seeds.
    public func finalists(in snapshot: ArchiveSnapshot, count: Int) -> [Candidate] {
        let fitness = snapshot.candidates.filter { $0.arm != .catalogue && $0.isFullyScored }
            .map { (candidate: $0, fitness: $0.fitness ?? -.infinity) }
        let eligible = fitness.sorted { ($0.fitness, $1.candidate.id) > ($1.fitness, $0.candidate.id) }.map(\.candidate)
        var chosen: [Candidate] = []
        for candidate in eligible where chosen.count < count {
            let known = chosen.compactMap { earlier in earlier.fingerprint.map { (earlier.proposal.name, $0) } }
            if let fingerprint = candidate.fingerprint, novelty.duplicate(of: fingerprint, among: known) != nil {
                continue
            }
            chosen.append(candidate)
        }
        return chosen
    }

    /// Catalogue losses that go to confirmation: the best tuned by full score, and the baseline in any case.
    ///
    /// Controls never go: they are there to be beaten by everything. The best loss goes with its next two settings, the
    /// baseline with its next one; `OtherSetting` says why.
    public func confirmedCatalogue(in snapshot: ArchiveSnapshot, count: Int) -> [Candidate] {
        let eligible = snapshot.candidates
            .filter { $0.arm == .catalogue && $0.isFullyScored && $0.source?.isControl != true }
            .sorted(by: Self.better)
        var chosen = Array(eligible.prefix(count))
        if !chosen.contains(where: { $0.name == baseline }), let dpo = eligible.first(where: { $0.name == baseline }) {
            chosen.append(dpo)
        }
        let others = chosen.enumerated().flatMap { position, loss in
            OtherSetting.of(loss, count: position == 0 ? 2 : loss.name == baseline ? 1 : 0)
        }
        return chosen + others
    }

    /// By mean score, the earlier candidate first among equals.
    private static func better(_ left: Candidate, _ right: Candidate) -> Bool {
        let leftMean = left.tuned?.score.mean ?? -.infinity
        let rightMean = right.tuned?.score.mean ?? -.infinity
        return leftMean == rightMean ? left.id < right.id : leftMean > rightMean
    }
}

extension Candidate {
    /// Name of the loss: that of its file, or of the proposal before there is one.
    var name: String { source?.name ?? proposal.name }

    var isFullyScored: Bool {
        guard let tuned, case .scored = status else { return false }
        return tuned.fidelity >= .full
    }
}
