import ChatClient
import Foundation

/// Where a campaign's model calls are booked.
func spendingFile(of runDirectory: String) -> String { runDirectory + "/spending.jsonl" }

/// What all calls of a campaign came to, by what they were for, as Markdown; `nil` where no model was asked.
func spendingSection(of runDirectory: String) -> String? {
    let spent = SpendingFile.read(spendingFile(of: runDirectory))
    guard !spent.totals.rows.isEmpty else { return nil }
    var sums: [[String]: ChatSpending] = [:]
    for row in spent.totals.rows { sums[[row.purpose.step, row.model], default: ChatSpending()].add(row.spending) }
    let lines = sums.sorted { $0.key.lexicographicallyPrecedes($1.key) }.map { key, sum in
        let dollars = sum.unpriced > 0 && sum.cost == 0 ? "unknown" : decimal(sum.cost, 4)
        return "| \(key[0]) | \(key[1]) | \(sum.calls) | \(sum.replayed) | \(sum.promptTokens) | "
            + "\(sum.completionTokens) | \(dollars) |"
    }
    return """

        ## What model calls cost

        \(sentence(on: spent.totals.total))

        | step | model | requests | from the cache | prompt tokens | reply tokens | US dollars |
        |---|---|---:|---:|---:|---:|---:|
        \(lines.joined(separator: "\n"))

        """
}

func sentence(on spent: ChatSpending) -> String {
    let parts = [
        "\(spent.calls) requests and \(spent.replayed) answers from the cache", "\(spent.tokens) tokens",
        "\(decimal(spent.cost, 4)) US dollars known",
        spent.unpriced > 0 ? "\(spent.unpriced) requests without a price" : nil,
        spent.possibleCost > 0 ? "at most \(decimal(spent.possibleCost, 4)) for requests without answer" : nil,
    ]
    return "All model calls, judging included: " + parts.compactMap(\.self).joined(separator: ", ") + "."
}

func sentence(onUnsettled open: ChatSpending, running: Bool) -> String {
    let place = running ? "are on their way, or were when it was killed" : "were on their way when it was killed"
    return "\(open.calls) of these requests \(place): counted as spent, at most \(open.possibleTokens) tokens and "
        + "\(decimal(open.possibleCost, 4)) US dollars."
}
