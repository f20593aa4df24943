import Archive
import LabCore

/// A rerun for people: what was trained, the table, the differences, where losses broke, old beside new.
struct RerunText {
    let record: RerunRecord

    var text: String {
        var parts = [heading, table]
        if !footnotes.isEmpty { parts.append(footnotes.joined(separator: "\n")) }
        if let differences { parts.append(differences) }
        if !breaks.isEmpty { parts.append("Where losses broke\n" + breaks.joined(separator: "\n")) }
        if let frontier { parts.append(frontier) }
        if let earlier { parts.append(earlier) }
        if !record.notes.isEmpty { parts.append(record.notes.map { "Note: \($0)" }.joined(separator: "\n")) }
        return parts.joined(separator: "\n\n")
    }

    private var heading: String {
        let pairs = record.pairs
        let refused = pairs.unusable > 0 ? ", \(pairs.unusable) rows unusable" : ""
        let cut = pairs.truncated > 0 ? ", \(pairs.truncated) cut" : ""
        let choosing = pairs.choosing > 0 ? "; settings chosen on \(pairs.choosing) others with seed \(firstSeed)" : ""
        return """
            \(record.losses.map(\.name).joined(separator: ", ")) on \(record.dataset) with \(record.model)
            \(pairs.training) pairs trained on\(refused)\(cut), \(record.seeds.count) seeds, grid: lr \
            \(list(record.grid.learningRates)), beta \(list(record.grid.betas))
            measured on \(pairs.scoring) held-out pairs of \(pairs.prompts) prompts\(choosing)
            """
    }

    private var firstSeed: String { record.seeds.first.map(String.init) ?? "" }

    private var table: String {
        let judged = record.losses.contains { $0.metrics["score"] != nil }
        let sampled = record.losses.contains { $0.metrics["lengthChange"] != nil }
        var table = TextTable(
            ["loss", "accuracy", "± se", "margin", "± se ", "KL", "NLL of chosen", "change"]
                + (sampled ? ["length"] : []) + (judged ? ["score", "± se  "] : []) + ["lr", "beta", "trials"])
        for row in record.losses.sorted(by: order) {
            guard let setting = row.setting else { continue }
            let accuracy = row.metrics["accuracy"], margin = row.metrics["margin"]
            table.add(
                [
                    row.control ? "\(row.name) (control)" : row.name, figure(accuracy?.mean, 3),
                    figure(accuracy?.standardError, 3), figure(margin?.mean, 2), figure(margin?.standardError, 2),
                    figure(row.metrics["kl"]?.mean, 2), figure(row.metrics["chosenNll"]?.mean, 1),
                    figure(row.metrics["chosenNllChange"]?.mean, 2, signed: true),
                ] + (sampled ? [figure(row.metrics["lengthChange"]?.mean, 1, signed: true)] : [])
                    + (judged
                        ? [
                            figure(row.metrics["score"]?.mean, 2),
                            figure(row.metrics["score"]?.standardError, 2),
                        ] : []) + [
                        compact(setting.learningRate), compact(setting.beta) + (row.onGridEdge == true ? "*" : ""),
                        "\(row.trainings)",
                    ])
        }
        for baseline in record.baselines {
            table.add([
                "(\(baseline.name))", decimal(baseline.accuracy.mean, 3), figure(baseline.accuracy.standardError, 3),
            ])
        }
        return table.text
    }

    private func order(_ left: RerunScore, _ right: RerunScore) -> Bool {
        (left.metrics["accuracy"]?.mean ?? -1, right.name) > (right.metrics["accuracy"]?.mean ?? -1, left.name)
    }

    private var footnotes: [String] {
        var lines = [
            "margin, KL and NLL in nats a completion; errors count seeds and prompts; KL: \(record.klOf)"
        ]
        if record.losses.contains(where: { $0.onGridEdge == true }) {
            lines.append("* best setting on the edge of the grid: a wider --lr or --beta may be fairer")
        }
        lines += record.losses.compactMap { row in row.problem.map { "\(row.name): \($0)" } }
        return lines
    }

    private var differences: String? {
        let judged = record.losses.contains { $0.differences["score"] != nil }
        var table = TextTable(
            ["accuracy from", record.against, "95 % interval", "p (Holm)", "from length", "95 % interval "]
                + (judged ? ["score from \(record.against)", "95 % interval  "] : []))
        for row in record.losses.sorted(by: order) where row.setting != nil {
            let difference = row.differences["accuracy"]
            let score = row.differences["score"]
            table.add(
                [
                    row.name, figure(difference?.mean, 3, signed: true), interval(difference),
                    row.pValue.map { $0 < 0.001 ? "<.001" : decimal($0, 3) } ?? "",
                    figure(row.overLength?.mean, 3, signed: true), interval(row.overLength),
                ] + (judged ? [figure(score?.mean, 2, signed: true), interval(score)] : []))
        }
        return table.rows.isEmpty ? nil : table.text
    }

    private var breaks: [String] {
        record.losses.flatMap { row in
            row.breaks.map { broken in
                "\(row.name) at lr \(compact(broken.setting.learningRate)), beta \(compact(broken.setting.beta)), seed "
                    + "\(broken.seed): \(broken.rejection.code): \(broken.rejection.message)"
            }
        }
    }

    /// The archive's judge score and this rerun's accuracy are not of one scale: what compares is the sign and the size
    /// of the distance to another loss in units of its error.
    private var earlier: String? {
        guard record.losses.contains(where: { $0.before != nil }) else { return nil }
        var table = TextTable([
            "old and new", "campaign", "score", "± se", "from dpo", "± se ", "accuracy here", "from \(record.against)",
            "± se  ",
        ])
        for row in record.losses {
            let before = row.before, difference = row.differences["accuracy"]
            let place: String =
                before.map { earlier in
                    earlier.world.map { "\(earlier.campaign) (\($0))" } ?? earlier.campaign
                } ?? "—"
            let old = [
                figure(before?.score, 2), figure(before?.standardError, 2),
                figure(before?.differenceFromDPO, 2, signed: true), figure(before?.differenceFromDPOStandardError, 2),
            ]
            let new = [
                figure(row.metrics["accuracy"]?.mean, 3), figure(difference?.mean, 3, signed: true),
                figure(difference?.standardError, 3),
            ]
            table.add([row.name, place] + old + new)
        }
        return table.text
    }

    private func interval(_ estimate: Estimate?) -> String {
        guard let interval = estimate?.interval() else { return "" }
        return figure(interval.lowerBound, 3, signed: true) + " to " + figure(interval.upperBound, 3, signed: true)
    }

    private func figure(_ value: Double?, _ places: Int, signed: Bool = false) -> String {
        guard let value else { return "—" }
        return (signed && value >= 0 ? "+" : "") + decimal(value, places)
    }

    private func list(_ values: [Double]) -> String { values.map(compact).joined(separator: " ") }
}
