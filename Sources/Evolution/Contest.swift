import LabCore

/// Every finalist against every confirmed catalogue loss in one world, with corrected p-values.
///
/// `adjustedPValue` reads by itself: a finalist beats the baseline where those of the baseline are no larger than the
/// level, and is a discovery where none of its row is larger. For that, the multiplier that Holm's correction gives a
/// finalist's hardest comparison is used for its whole row; the baseline's own family (Holm over the finalists' hardest
/// comparisons with it) replaces it there, unless the baseline is the hardest of all.
struct Contest: Sendable {
    let world: String
    let catalogue: [ConfirmedScore]
    let rows: [ContestRow]

    init(world: String, finalists: [ConfirmedScore], catalogue: [ConfirmedScore], baseline: String) {
        self.world = world
        self.catalogue = catalogue
        let raw = finalists.map { finalist in catalogue.map { RawComparison(finalist, against: $0) } }
        let baselineColumns = catalogue.indices.filter { OtherSetting.isOfLoss(baseline, catalogue[$0].name) }
        let overall = Family(raw.map { row in row.map(\.pValue).max() ?? 1 })
        let baselines = Family(raw.map { row in baselineColumns.map { row[$0].pValue }.max() ?? 1 })
        rows = finalists.indices.map { row in
            let comparisons = catalogue.indices.map { column -> PairedComparison in
                let comparison = raw[row][column]
                let inAll = overall.adjusted(comparison.pValue, in: row)
                let own = baselineColumns.contains(column) ? baselines.adjusted(comparison.pValue, in: row) : inAll
                let isHardest = comparison.pValue == overall.hardest[row]
                return PairedComparison(
                    candidate: finalists[row].name, against: catalogue[column].name, world: world,
                    difference: comparison.difference, greedyDifference: comparison.greedyDifference,
                    pValue: comparison.pValue, adjustedPValue: isHardest ? max(own, inAll) : own)
            }
            return ContestRow(finalist: finalists[row], baseline: baseline, comparisons: comparisons)
        }
    }
}

/// Holm's correction over the finalists' hardest comparisons, and what it makes of their easier ones.
private struct Family {
    let hardest: [Double]
    private let adjustedHardest: [Double]
    /// How many hypotheses the procedure still holds open when it comes to each finalist.
    private let multipliers: [Double]

    init(_ hardest: [Double]) {
        self.hardest = hardest
        adjustedHardest = holmAdjusted(hardest)
        var multipliers = hardest
        for (position, index) in hardest.indices.sorted(by: { hardest[$0] < hardest[$1] }).enumerated() {
            multipliers[index] = Double(hardest.count - position)
        }
        self.multipliers = multipliers
    }

    func adjusted(_ pValue: Double, in row: Int) -> Double {
        pValue == hardest[row] ? adjustedHardest[row] : min(1, multipliers[row] * pValue)
    }
}

/// One finalist's comparisons, in the order of the catalogue.
struct ContestRow: Sendable {
    let finalist: ConfirmedScore
    let baseline: String
    let comparisons: [PairedComparison]

    func against(_ name: String) -> PairedComparison? { comparisons.first { $0.against == name } }

    /// Comparisons with the baseline, at its best setting and others.
    private var withBaseline: [PairedComparison] {
        comparisons.filter { OtherSetting.isOfLoss(baseline, $0.against) }
    }

    func beatsBaseline(at level: Double) -> Bool {
        !withBaseline.isEmpty && withBaseline.allSatisfy { $0.adjustedPValue <= level }
    }

    func beatsAll(at level: Double) -> Bool {
        !comparisons.isEmpty && comparisons.allSatisfy { $0.adjustedPValue <= level }
    }

    /// The comparison that decides about a discovery.
    var hardest: PairedComparison? {
        comparisons.max { ($0.pValue, -$0.difference.mean) < ($1.pValue, -$1.difference.mean) }
    }

    /// Mean difference to the catalogue loss, or to the baseline, that it exceeds the least.
    var leastLead: Double { comparisons.map(\.difference.mean).min() ?? -.infinity }
    var leastLeadOverBaseline: Double { withBaseline.map(\.difference.mean).min() ?? -.infinity }
}

/// Paired difference of two losses over the seeds they share, before any correction.
private struct RawComparison {
    let difference: Estimate
    let greedyDifference: Estimate?
    let pValue: Double

    init(_ finalist: ConfirmedScore, against other: ConfirmedScore) {
        let shared = finalist.seeds.filter(other.seeds.contains)
        func crossed(_ score: ConfirmedScore, _ table: [[Double]]) -> CrossedScores? {
            let rows = zip(score.seeds, table).reduce(into: [Int: [Double]]()) { $0[$1.0] = $1.1 }
            return CrossedScores(shared.compactMap { rows[$0] })
        }
        func minus(_ own: [[Double]], _ others: [[Double]]) -> Estimate? {
            guard let left = crossed(finalist, own), let right = crossed(other, others) else { return nil }
            return left.minus(right)?.estimate
        }
        greedyDifference = minus(finalist.greedyTable, other.greedyTable)
        guard let paired = minus(finalist.table, other.table) else {
            // Nothing in common to compare: the means alone, which prove nothing.
            difference = Estimate(mean: finalist.score.mean - other.score.mean, standardError: nil, count: 0)
            pValue = 1
            return
        }
        difference = paired
        // Dropping the seeds with which a loss collapsed would make it look better than it is.
        pValue = shared.count == other.seeds.count ? paired.pValueAboveZero : 1
    }
}
