import Trainer

/// `losslab data inspect` for people.
struct DataInspectionText {
    let inspection: DataInspection
    let rowsShown: Int

    init(_ inspection: DataInspection, rowsShown: Int) {
        self.inspection = inspection
        self.rowsShown = rowsShown
    }

    var text: String {
        let head = [
            "\(inspection.name): \(inspection.layout), \(inspection.rows) rows, \(inspection.usable) usable, "
                + "\(inspection.unusable.count) not"
        ]
        let parts = [
            findings(inspection.unusable, title: "not usable"),
            findings(inspection.flagged, title: "kept, with warnings"),
            [lengths.text], remarks,
            inspection.asTrained.isEmpty ? inspection.samples.flatMap(sample) : inspection.asTrained.flatMap(whole),
        ]
        return ([head] + parts).filter { !$0.isEmpty }.map { $0.joined(separator: "\n") }.joined(separator: "\n\n")
    }

    /// One line a reason: how many, in which rows, and what was wrong with the first.
    private func findings(_ findings: [DataInspection.Finding], title: String) -> [String] {
        guard !findings.isEmpty else { return [] }
        let groups = Dictionary(grouping: findings, by: \.reason)
        var table = TextTable([title, "rows", "which", "first"])
        for (reason, group) in groups.sorted(by: { ($1.value.count, $0.key) < ($0.value.count, $1.key) }) {
            let rows = Set(group.map(\.row)).sorted()
            let numbers = rows.prefix(rowsShown).map { "\($0)" }.joined(separator: " ")
            let rest = rows.count > rowsShown ? " …" : ""
            table.add([reason, "\(rows.count)", numbers + rest, shortened(group[0].explanation, to: 70)])
        }
        return [table.text]
    }

    private var lengths: TextTable {
        var table = TextTable(["length", "unit", "mean", "median", "95 %", "longest", "total"])
        func add(_ name: String, _ unit: String, _ spread: DataInspection.Spread?) {
            guard let spread else { return }
            table.add([
                name, unit, decimal(spread.mean, 1), decimal(spread.median, 1), "\(spread.p95)", "\(spread.max)",
                "\(spread.total)",
            ])
        }
        let characters = inspection.lengths
        add("prompt", characters.unit, characters.prompt)
        add("chosen", characters.unit, characters.chosen)
        add("rejected", characters.unit, characters.rejected)
        if let tokens = inspection.tokens {
            add("prompt", "tokens", tokens.prompt)
            add("chosen", "tokens", tokens.chosen)
            add("rejected", "tokens", tokens.rejected)
            add("prompt + longer answer", "tokens", tokens.longer)
        }
        return table
    }

    private var remarks: [String] {
        var lines: [String] = []
        if let share = inspection.longerWins {
            lines.append("the longer answer is the chosen one in \(decimal(100 * share, 1)) % of the pairs")
        }
        if let tokens = inspection.tokens, let longest = tokens.maxLength {
            lines.append(
                "at \(longest) tokens \(tokens.truncated.pairs) pairs are cut (\(tokens.truncated.tokens) tokens) and "
                    + "\(tokens.dropped) dropped")
        }
        for other in inspection.compared {
            lines.append("\(other.shared) prompts are also in \(other.name)")
        }
        if !inspection.unusedColumns.isEmpty {
            let columns = inspection.unusedColumns.map { "\($0.name) (filled in \($0.rows) rows)" }
            lines.append("columns that are not used: \(columns.joined(separator: ", "))")
        }
        return lines + inspection.notes
    }

    /// A row as it is trained, with what is trained on in brackets.
    private func whole(_ row: DataInspection.AsTrained) -> [String] {
        func side(_ name: String, _ stretches: [DataInspection.Stretch]) -> [String] {
            let trained = stretches.filter(\.trained).reduce(0) { $0 + $1.tokens }
            let all = stretches.reduce(0) { $0 + $1.tokens }
            let text = stretches.map { $0.trained ? "⟦\($0.text)⟧" : $0.text }.joined()
            return ["row \(row.row), \(name): \(trained) of \(all) tokens are trained, between ⟦ and ⟧", text, ""]
        }
        return side("chosen", row.chosen) + side("rejected", row.rejected)
    }

    private func sample(_ sample: DataInspection.Sample) -> [String] {
        func line(_ name: String, _ messages: [DataInspection.Message]) -> String {
            let text = messages.map {
                $0.role.isEmpty ? $0.content : "[\($0.role)] \($0.content)\($0.fields.map { " \($0)" } ?? "")"
            }
            return "  \(name): \(shortened(text.joined(separator: " "), to: 160))"
        }
        return ["row \(sample.row)"] + [
            line("prompt", sample.prompt), line("chosen", sample.chosen), line("rejected", sample.rejected),
        ]
    }
}

/// Text on one line, cut in the middle so that its end is seen too.
func shortened(_ text: String, to length: Int) -> String {
    let line = text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    guard line.count > length else { return line }
    return "\(line.prefix(length * 2 / 3)) … \(line.suffix(length / 3))"
}
