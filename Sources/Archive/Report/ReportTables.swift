import LabCore

/// Losses shown in the ranking; the rest are in the archive.
private let rankedRows = 25

/// Scored losses, fully tuned ones first, then by the lower end of their score's interval.
func ranked(_ snapshot: ArchiveSnapshot) -> [Candidate] {
    snapshot.scored.sorted { left, right in
        guard let a = left.tuned, let b = right.tuned else { return false }
        if a.fidelity != b.fidelity { return a.fidelity > b.fidelity }
        let (low, other) = (a.score.lowerBound(), b.score.lowerBound())
        return low == other ? left.id < right.id : low > other
    }
}

func rankingSection(
    _ snapshot: ArchiveSnapshot, _ confirmation: Confirmation?, world: String?, untrained: [UntrainedScore],
    scale: String = JudgeConfig().scale, model: String? = nil
) -> String {
    let all = ranked(snapshot)
    guard !all.isEmpty else { return "## Ranking\n\nNo loss has a score yet." }
    let dpo = all.first { $0.lossName == "dpo" }?.tuned
    let world = world ?? confirmation?.scores.first?.world
    let confirmed = Dictionary(
        (confirmation?.scores ?? []).filter { $0.world == world }.map { ($0.name, $0.score) }
    ) { first, _ in first }
    let numbered = all.enumerated().map { (place: $0.offset + 1, loss: $0.element) }
    let shown = numbered.filter {
        $0.place <= rankedRows || $0.loss.lossName == "dpo" || confirmed[$0.loss.lossName] != nil
    }
    let rows = shown.map { row($0.place, $0.loss, dpo: dpo, confirmed: confirmed[$0.loss.lossName], model: model) }
    var text = """
        ## Ranking

        Every loss at the best of the same learning rates and betas. Score and greedy score are means of \(scale), \
        ± the standard error over seeds and questions (over questions alone where there is one seed); KL is in nats \
        an answer; the difference from DPO is paired, with its 95 % interval. Fully tuned losses come first, then the \
        lower end of the score's interval decides. Confirmed scores come from fresh seeds, fresh pairs and held-out \
        questions.

        \(ReportText.table(
            ["", "loss", "origin", "score", "greedy", "KL", "lr", "beta", "seeds", "trials", "from DPO", "confirmed"],
            rows))
        """
    if shown.contains(where: { $0.loss.tuned?.onGridEdge == true }) {
        text += "\n\n`*` The best setting lies on the edge of the grid; a better one may lie outside."
    }
    if !untrained.isEmpty { text += "\n\n" + untrainedTable(untrained) }
    let hidden = all.count - shown.count
    if hidden > 0 { text += "\n\n\(ReportText.plural(hidden, "more loss", "more losses")): `losslab archive list`." }
    return text
}

private func untrainedTable(_ scores: [UntrainedScore]) -> String {
    let row = scores.map { ReportText.score(Estimate(mean: $0.score, standardError: $0.standardError, count: 2)) }
    return "The policy before any training, on the search questions. What a loss gains over these rows is not mere "
        + "sharpening.\n\n" + ReportText.table(["untrained"] + scores.map(\.decoding), [["score"] + row])
}

/// - Parameter model: the language model that proposed; found losses are then told from the grammar's.
private func row(
    _ place: Int, _ loss: Candidate, dpo: TunedScore?, confirmed: Estimate?, model: String?
) -> [String] {
    guard let tuned = loss.tuned else { return [] }
    let difference = loss.lossName == "dpo" ? nil : dpo.flatMap { tuned.difference(from: $0) }
    return [
        "\(place)", loss.lossName, origin(of: loss, model: model), ReportText.score(tuned.score),
        ReportText.score(tuned.greedy), ReportText.number(tuned.kl, decimals: 2),
        ReportText.setting(tuned.setting.learningRate),
        ReportText.setting(tuned.setting.beta) + (tuned.onGridEdge ? "*" : ""), "\(tuned.seeds.count)",
        "\(tuned.trials)",
        ReportText.difference(difference), ReportText.score(confirmed),
    ]
}

/// `baseline`, `published`, or for a found loss who wrote it.
private func origin(of loss: Candidate, model: String?) -> String {
    guard loss.arm != .catalogue, let model else { return (loss.source?.origin ?? .discovered).rawValue }
    return loss.arm == .evolution ? model : "grammar, \(loss.arm.rawValue)"
}

func confirmationSection(_ confirmation: Confirmation) -> String {
    var worlds: [String] = []
    for score in confirmation.scores where !worlds.contains(score.world) { worlds.append(score.world) }
    let parts = worlds.map { world in
        let scores = confirmation.scores.filter { $0.world == world }.sorted { $0.score.mean > $1.score.mean }
        let comparisons = confirmation.comparisons.filter { $0.world == world }
        return "### World \(world)\n\n" + scoreTable(scores)
            + (comparisons.isEmpty ? "" : "\n\n" + comparisonTable(comparisons))
    }
    return """
        ## Confirmation

        Fresh seeds, a disjoint pool of pairs, held-out questions. `lost` is the search score less the confirmed one; \
        it holds the luck of the search and any difference in difficulty between the two question sets, which the \
        catalogue's rows show. p is one-sided; `p adjusted` is what the verdict uses, corrected for all finalists.

        \(parts.joined(separator: "\n\n"))
        """
}

private func scoreTable(_ scores: [ConfirmedScore]) -> String {
    ReportText.table(
        ["loss", "score", "greedy", "KL", "lr", "beta", "seeds", "in the search", "lost"],
        scores.map { score in
            [
                score.name, ReportText.score(score.score), ReportText.score(score.greedy),
                ReportText.number(score.kl, decimals: 2), ReportText.setting(score.setting.learningRate),
                ReportText.setting(score.setting.beta), "\(score.seeds.count)", ReportText.score(score.searchScore),
                score.shrinkage.map { ReportText.signed($0) } ?? "-",
            ]
        })
}

private func comparisonTable(_ comparisons: [PairedComparison]) -> String {
    ReportText.table(
        ["loss", "against", "difference", "greedy difference", "p", "p adjusted"],
        comparisons.map { comparison in
            [
                comparison.candidate, comparison.against, ReportText.difference(comparison.difference),
                ReportText.difference(comparison.greedyDifference), ReportText.pValue(comparison.pValue),
                ReportText.pValue(comparison.adjustedPValue),
            ]
        })
}
