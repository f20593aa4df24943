public import LabCore

/// What the proposing model was asked, what that cost and what it brought, as Markdown.
func modelSection(_ account: ModelAccount) -> String {
    let steps = account.steps.sorted { $0.key < $1.key }
    let rows = (steps + [("all", account.total)]).map { name, step in
        [
            name, "\(step.calls)", "\(step.failedCalls)", "\(step.promptTokens)", "\(step.cachedTokens)",
            "\(step.completionTokens)", ReportText.number(step.seconds, decimals: 0), dollars(step.cost),
        ]
    }
    let table = ReportText.table(
        [
            "step", "calls", "without reply", "prompt tokens", "of them cached", "reply tokens", "seconds",
            "US dollars",
        ], rows)
    let list = modelSentences(account).map { "- \($0)" }.joined(separator: "\n")
    return """
        ## What the model saw, spent and brought

        \(list)

        \(table)

        Every prompt and reply, word for word: `conversations/` in the run directory, a file a candidate.
        """
}

/// The same in sentences, for a terminal.
public func modelSentences(_ account: ModelAccount) -> [String] {
    let total = account.total
    var sentences = [
        "Asked \(account.models.isEmpty ? "no model" : account.models.joined(separator: ", ")): "
            + "\(ReportText.plural(total.calls, "call", "calls")) in \(account.requests) requests, "
            + "\(total.promptTokens) tokens sent, \(total.completionTokens) received"
            + (account.estimatedTokens ? " (partly estimated)" : "") + "; " + spent(account) + "."
    ]
    guard account.candidates > 0 else { return sentences }
    sentences.append(
        "\(ReportText.plural(account.candidates, "candidate", "candidates")): "
            + "\(account.soundFirstTry) sound as first written (\(percent(account.soundFirstRate))), "
            + "\(account.validFirstTry) of them new (\(percent(account.validFirstTryRate))); "
            + "\(account.repaired) of \(account.needingRepair) others valid after a further try "
            + "(\(percent(account.repairRate))).")
    sentences.append(
        "Among the replies, \(account.copied) copied a shown loss word for word, \(account.duplicated) computed the same as "
            + "an earlier one, and \(account.echoed) gave back the prompt's words in place of code.")
    sentences.append(
        "In the end \(account.scored) scored, \(account.rejected) rejected, "
            + "\(ReportText.plural(account.duplicates, "duplicate", "duplicates")), \(account.failed) failed; "
            + "a valid candidate cost \(account.costPerValid.map { dollars($0) + " US dollars" } ?? "an unknown amount")"
            + (account.valid > 0
                ? ", \(account.tokensPerValid) tokens written and \(each(total.seconds, account)) s." : "."))
    if let best = account.best {
        sentences.append("The model's best loss in the search: \(best.name), \(ReportText.score(best.score)).")
    }
    let shown = account.shown.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.prefix(8)
    if !shown.isEmpty {
        sentences.append(
            "Most often shown with their code: " + shown.map { "\($0.key) (\($0.value))" }.joined(separator: ", ") + "."
        )
    }
    return sentences
}

private func spent(_ account: ModelAccount) -> String {
    let total = account.total
    let unpriced = account.unpricedCalls - total.failedCalls
    if unpriced == total.calls - total.failedCalls, total.calls > 0 {
        return "cost unknown, no price in evaluation/prices.yaml"
    }
    return "\(dollars(total.cost)) US dollars"
        + (unpriced > 0 ? " and \(ReportText.plural(unpriced, "call", "calls")) without a price" : "")
}

private func each(_ total: Double, _ account: ModelAccount) -> String {
    ReportText.number(total / Double(max(1, account.valid)), decimals: 0)
}

private func dollars(_ value: Double) -> String { ReportText.number(value, decimals: 4) }

private func percent(_ share: Double?) -> String { share.map { "\(Int(($0 * 100).rounded())) %" } ?? "none" }
