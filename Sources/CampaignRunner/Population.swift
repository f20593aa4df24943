import LabCore

/// The losses that selection and proposal see: the catalogue, the best so far, and the latest whatever came of them.
///
/// Bounded, so that a generation costs the same at candidate 10,000 as at candidate 10; everything else is in the
/// archive. Losses this far down the ranking have no chance in a tournament and no place among the finalists.
struct Population: Sendable {
    static let bestKept = 200
    /// Rejected and duplicate ones too: a proposer learns from them.
    static let latestKept = 60

    private(set) var catalogue: [Candidate] = []
    private var best: [Candidate] = []
    private var latest: [Candidate] = []

    mutating func add(catalogue losses: [Candidate]) {
        catalogue += losses
    }

    mutating func add(_ candidates: [Candidate]) {
        latest = Array((latest + candidates).suffix(Self.latestKept))
        best = Array(
            (best + candidates.filter { $0.tuned != nil }).sorted(by: Self.ranksAbove).prefix(Self.bestKept))
    }

    var snapshot: ArchiveSnapshot {
        let ids = Set(best.map(\.id))
        return ArchiveSnapshot(candidates: catalogue + best + latest.filter { !ids.contains($0.id) })
    }

    /// Fully tuned losses first, by mean score, the earlier one first among equals.
    private static func ranksAbove(_ left: Candidate, _ right: Candidate) -> Bool {
        let (leftFull, rightFull) = (left.tuned?.fidelity == .full, right.tuned?.fidelity == .full)
        guard leftFull == rightFull else { return leftFull }
        let leftMean = left.tuned?.score.mean ?? -.infinity
        let rightMean = right.tuned?.score.mean ?? -.infinity
        return leftMean == rightMean ? left.id < right.id : leftMean > rightMean
    }
}
