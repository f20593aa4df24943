public import LabCore

/// The report of a campaign as Markdown: verdict, ranking, confirmation, score against KL, arms, and where the work
/// went.
///
/// Pure: equal arguments give equal text. Without a confirmation it reports the search so far.
public func campaignReport(
    config: CampaignConfig?, snapshot: ArchiveSnapshot, confirmation: Confirmation?, account: CampaignAccount,
    untrained: [UntrainedScore] = [], model: ModelAccount? = nil, frontier: CampaignFrontier? = nil
) -> String {
    let name = config?.name ?? "campaign"
    var sections = ["# Campaign \(name)"]
    if let config { sections.append(subtitle(config)) }
    sections.append(
        config?.budget.candidates == 0 ? sweepSection : verdictSection(confirmation, snapshot))
    sections.append(
        rankingSection(
            snapshot, confirmation, world: config?.world, untrained: untrained,
            scale: (config?.judge ?? JudgeConfig()).scale, model: config?.proposer.model?.model))
    if let confirmation { sections.append(confirmationSection(confirmation)) }
    if let frontier { sections.append(frontierSection(frontier, campaign: name)) }
    if let comparison = ArmComparison(snapshot) { sections.append(armSection(comparison)) }
    if let model { sections.append(modelSection(model)) }
    sections.append(workSection(snapshot, account))
    return sections.joined(separator: "\n\n") + "\n"
}

private func subtitle(_ config: CampaignConfig) -> String {
    let transfer = config.transferWorld.map { ", finalists tried again in \($0)" } ?? ""
    let place =
        config.policy.map { "Policy \($0.model.model), trained on \($0.data.dataset)" }
        ?? "World \(config.world)\(transfer)"
    return "\(place); seed \(config.seed); proposer \(config.proposer.strategy)"
        + (config.proposer.model.map { ", asking \($0.model)" } ?? "") + (config.judge.map(grading) ?? "") + "."
}

private func grading(_ judge: JudgeConfig) -> String {
    guard let model = judge.model else { return "" }
    return switch judge.kind {
    case "reward_model": "; graded by the reward model \(model)"
    case "classifier": "; graded by the classifier \(model)"
    case "pairwise": "; compared by \(model)"
    default: "; graded by \(model) under MT-Bench's prompts"
    }
}

/// A campaign without candidates proves nothing about any: it measures the catalogue.
private let sweepSection = """
    ## No verdict: a sweep

    Nothing was proposed (`budget.candidates` is 0): the tables measure the catalogue's losses, each at every setting of \
    the grid.
    """

private func verdictSection(_ confirmation: Confirmation?, _ snapshot: ArchiveSnapshot) -> String {
    guard let confirmation else {
        return "## Verdict: none yet\n\nNothing is confirmed, so the ranking below says what looked good in the search "
            + "and nothing about what is: the best of many draws is partly lucky."
    }
    let summary = (confirmation.summary + gridCaution(confirmation, snapshot)).map { "- \($0)" }
        .joined(separator: "\n")
    return "## Verdict: \(confirmation.verdict.rawValue)\n\n\(plainWords(confirmation))"
        + (summary.isEmpty ? "" : "\n\n" + summary)
}

/// A lead over losses whose best setting is the last one tried may be a lead over a grid that ends too early.
private func gridCaution(_ confirmation: Confirmation, _ snapshot: ArchiveSnapshot) -> [String] {
    guard confirmation.verdict != .noDiscovery, let winner = confirmation.winner else { return [] }
    let rivals = Set(confirmation.comparisons.filter { $0.candidate == winner }.map(\.against))
    let names = snapshot.candidates.filter { rivals.contains($0.lossName) && $0.tuned?.onGridEdge == true }
        .map(\.lossName).sorted()
    guard !names.isEmpty else { return [] }
    return [
        "Caution: the best setting of \(names.joined(separator: ", ")) lies on the edge of the grid, so the lead may come "
            + "from the grid's end. Widen `tuning.grid` on that side and run again before believing a small lead."
    ]
}

private func plainWords(_ confirmation: Confirmation) -> String {
    let winner = confirmation.winner.map { "`\($0)`" } ?? "a finalist"
    switch confirmation.verdict {
    case .discovery:
        return "With fresh seeds, fresh pairs and held-out questions \(winner) scores above every confirmed catalogue "
            + "loss, each tuned like itself, by more than chance explains."
    case .beatsDPOOnly:
        return
            "With fresh seeds, fresh pairs and held-out questions \(winner) scores above tuned DPO by more than chance "
            + "explains, but is not shown to score above the best tuned catalogue loss, which is the simpler choice."
    case .noDiscovery:
        return "With fresh seeds, fresh pairs and held-out questions no finalist scores above tuned DPO by more than "
            + "chance explains. That is a result: on these data the published losses, well tuned, are enough."
    }
}

private func armSection(_ comparison: ArmComparison) -> String {
    let rows = comparison.rows.map { row in
        [
            row.arm.rawValue, "\(row.losses)", "\(row.trials)", row.best, ReportText.score(row.bestScore),
            ReportText.number(row.meanScore),
        ]
    }
    let table = ReportText.table(["arm", "losses", "trials", "best", "its score", "mean score"], rows)
    return """
        ## Did feedback help?

        Each arm's losses in the order of their proposal, up to \(comparison.budget) trials. Search scores, so the \
        best of each is partly lucky; `random` and `best-of-n` saw no scores.

        \(table)
        """
}

private func workSection(_ snapshot: ArchiveSnapshot, _ account: CampaignAccount) -> String {
    let fidelities = Fidelity.allCases.compactMap { fidelity in account.entries[fidelity].map { (fidelity, $0) } }
    var parts = ["## Where the work went"]
    if !fidelities.isEmpty {
        let total = fidelities.reduce(into: CampaignAccount.Entry()) { total, entry in
            total.trained += entry.1.trained
            total.reused += entry.1.reused
            total.rejected += entry.1.rejected
            total.seconds += entry.1.seconds
        }
        let rows = (fidelities.map { ($0.0.rawValue, $0.1) } + [("all", total)]).map { name, entry in
            [name, "\(entry.trained)", "\(entry.reused)", "\(entry.rejected)", ReportText.seconds(entry.seconds)]
        }
        parts.append(ReportText.table(["trials", "done", "reused", "loss rejected", "worker time"], rows))
    }
    let arms = SearchArm.allCases.map { ArmAccount($0, in: snapshot) }.filter { $0.proposed > 0 }
    if !arms.isEmpty {
        let rows = arms.map { arm in
            let reasons = arm.rejections.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
            let list = reasons.map { "\($0.value) \($0.key)" }.joined(separator: ", ")
            let rejected = arm.rejections.values.reduce(0, +)
            return [
                arm.arm.rawValue, "\(arm.proposed)", "\(arm.scored)", "\(arm.duplicates)", "\(rejected)",
                "\(arm.failed)",
                list.isEmpty ? "-" : list,
            ]
        }
        parts.append(
            ReportText.table(["losses", "proposed", "scored", "duplicate", "rejected", "failed", "reasons"], rows))
    }
    parts.append(clock(account))
    return parts.filter { !$0.isEmpty }.joined(separator: "\n\n")
}

private func clock(_ account: CampaignAccount) -> String {
    guard let seconds = account.lastRunSeconds else { return "" }
    guard account.resumptions > 0 else { return "From start to end: \(ReportText.seconds(seconds))." }
    return "Resumed \(ReportText.plural(account.resumptions, "time", "times")); "
        + "the last run took \(ReportText.seconds(seconds))."
}
