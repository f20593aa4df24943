import LabCore
import Proposer

/// Samples side by side, as Markdown.
func sampleTable(_ summaries: [SampleSummary]) -> String {
    let columns = [
        "model", "form", "T", "drafts", "sound as written", "and no copy", "sound in the end", "sign turned", "new",
        "prompt tokens", "written a new loss", "read a new loss", "seconds a new loss", "why not, as written",
    ]
    func share(_ proportion: Proportion) -> String {
        guard let share = proportion.share, let interval = proportion.interval else { return "-" }
        func percent(_ value: Double) -> String { "\(Int((value * 100).rounded()))" }
        return "\(percent(share)) % [\(percent(interval.lowerBound)), \(percent(interval.upperBound))]"
    }
    func number(_ value: Double?) -> String { value.map { "\(Int($0.rounded()))" } ?? "-" }
    let rows = summaries.map { summary in
        let reasons = summary.reasons.filter { $0.key != "duplicate" }.sorted {
            ($1.value, $0.key) < ($0.value, $1.key)
        }
        return [
            summary.model, summary.form, summary.temperature.map { compact($0) } ?? "-", "\(summary.drafts)",
            share(summary.soundFirst), share(summary.ownFirst), share(summary.sound), "\(summary.turned.count)",
            share(summary.new),
            number(summary.promptTokens), number(summary.writtenTokensPerNew), number(summary.readTokensPerNew),
            number(summary.secondsPerNew),
            reasons.isEmpty ? "-" : reasons.map { "\($0.key) \($0.value)" }.joined(separator: ", "),
        ]
    }
    func line(_ cells: [String]) -> String { "| " + cells.joined(separator: " | ") + " |" }
    return ([line(columns), "|" + String(repeating: "---|", count: columns.count)] + rows.map(line))
        .joined(separator: "\n")
}
