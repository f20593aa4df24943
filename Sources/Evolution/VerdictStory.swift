import LabCore

/// A verdict told in plain sentences: what was found, how sure it is, what shrank, what happened elsewhere.
struct VerdictStory {
    let verdict: Verdict
    let winner: ContestRow?
    let deciding: Contest
    let elsewhere: [Contest]
    let rule: VerdictRule

    var sentences: [String] {
        [headline] + details + [shrinkage].compactMap(\.self) + greedyWarning + transfer
    }

    private var bestCatalogue: ConfirmedScore? {
        deciding.catalogue.max { $0.score.mean < $1.score.mean }
    }

    private var headline: String {
        let count = deciding.rows.count
        let finalists = count == 1 ? "the one finalist" : "any of \(count) finalists"
        switch verdict {
        case .discovery:
            return
                "Discovery: \(winner?.finalist.name ?? "a finalist") beats every confirmed catalogue loss beyond chance."
        case .beatsDPOOnly:
            return
                "Beats DPO only: \(winner?.finalist.name ?? "a finalist") is better than \(rule.baseline) beyond chance, "
                + "but is not shown to beat the best tuned catalogue loss, \(bestCatalogue?.name ?? "unknown")."
        case .noDiscovery where count == 0:
            return "No discovery: no candidate came as far as confirmation."
        case .noDiscovery:
            return "No discovery: it is not shown that \(finalists) beats even \(rule.baseline). "
                + "This is a good result: the catalogue's best tuned loss can be used as it is."
        }
    }

    /// The decisive comparison, and the best finalist's when there is no winner.
    private var details: [String] {
        let row = winner ?? deciding.rows.max { $0.finalist.score.mean < $1.finalist.score.mean }
        guard let row else { return [] }
        var named: [PairedComparison] = []
        for comparison in [bestCatalogue.flatMap { row.against($0.name) }, row.hardest, row.against(rule.baseline)] {
            if let comparison, !named.contains(where: { $0.against == comparison.against }) { named.append(comparison) }
        }
        return named.map { comparison in
            "\(row.finalist.name) against \(comparison.against): \(signed(comparison.difference.mean)) "
                + "(\(interval(comparison.difference))), one-sided p \(short(comparison.pValue)), "
                + "corrected for \(deciding.rows.count == 1 ? "one finalist" : "\(deciding.rows.count) finalists") "
                + "p \(short(comparison.adjustedPValue))."
        }
    }

    /// What the lead over DPO lost from search to confirmation; questions of the two may differ in difficulty, leads do not.
    private var shrinkage: String? {
        let dpo = deciding.catalogue.first { $0.name == rule.baseline }
        let leads = deciding.rows.compactMap { row -> (search: Double, confirmed: Double)? in
            guard let search = row.finalist.searchScore, let dpo, let dpoSearch = dpo.searchScore else { return nil }
            return (search.mean - dpoSearch.mean, row.finalist.score.mean - dpo.score.mean)
        }
        guard !leads.isEmpty else { return nil }
        let count = Double(leads.count)
        let search = leads.reduce(0) { $0 + $1.search } / count
        let confirmed = leads.reduce(0) { $0 + $1.confirmed } / count
        return "Winner's curse: over \(leads.count == 1 ? "the finalist" : "\(leads.count) finalists") the lead over "
            + "\(rule.baseline) was \(signed(search)) in the search and \(signed(confirmed)) when confirmed, "
            + "a shrinkage of \(signed(search - confirmed))."
    }

    /// A lead that vanishes or turns when answers are decoded greedily is told, though it does not decide.
    private var greedyWarning: [String] {
        let decisive = verdict == .discovery ? winner?.hardest : winner?.against(rule.baseline)
        guard let decisive, let greedy = decisive.greedyDifference, greedy.mean <= 0 else { return [] }
        return [
            "Decoded greedily the lead over \(decisive.against) is \(signed(greedy.mean)) (\(interval(greedy))): "
                + "part of the gain may be a sharper policy rather than a better one."
        ]
    }

    private var transfer: [String] {
        elsewhere.flatMap { contest -> [String] in
            let rows = winner.map { winner in contest.rows.filter { $0.finalist.name == winner.finalist.name } }
            return (rows ?? contest.rows).compactMap { row in
                guard let hardest = row.hardest else { return nil }
                let holds = row.beatsAll(at: rule.level)
                return
                    "In the world \(contest.world), reported but not part of the verdict, \(row.finalist.name) scores "
                    + "\(signed(hardest.difference.mean)) (\(interval(hardest.difference))) against \(hardest.against), "
                    + "its hardest comparison there: \(holds ? "a gain is shown there" : "no gain is shown there")."
            }
        }
    }
}

/// Two decimals with a sign, such as `+0.15`.
private func signed(_ value: Double) -> String { (value < 0 ? "-" : "+") + fixed(abs(value), decimals: 2) }

private func interval(_ estimate: Estimate) -> String {
    guard let interval = estimate.interval() else { return "no interval" }
    return "95 % interval \(signed(interval.lowerBound)) to \(signed(interval.upperBound))"
}

/// A p-value with three decimals, never a flat zero.
private func short(_ pValue: Double) -> String { pValue < 0.001 ? "< 0.001" : "= " + fixed(pValue, decimals: 3) }

/// Decimal notation without Foundation: this module has no I/O and no locale.
func fixed(_ value: Double, decimals: Int) -> String {
    guard value.isFinite else { return "\(value)" }
    let unit = (0..<decimals).reduce(1) { power, _ in power * 10 }
    let scaled = Int((abs(value) * Double(unit)).rounded())
    let digits = String(scaled % unit)
    let whole = (value < 0 && scaled != 0 ? "-" : "") + String(scaled / unit)
    return decimals == 0 ? whole : whole + "." + String(repeating: "0", count: decimals - digits.count) + digits
}
