import LabCore

/// Losses whose settings the table lists one by one where it cannot list all; a picture shows more.
private let listedLosses = 3
/// Points that a table lists without choosing.
private let allRows = 40
/// Rows of the front; where it is longer, the picture has the rest.
private let frontRows = 12

/// The frontier of a campaign as Markdown.
func frontierSection(_ found: CampaignFrontier, campaign: String) -> String {
    let frontier = found.frontier
    let isWhole = frontier.points.count <= allRows
    let listed = isWhole ? found.shown : Array(found.shown.prefix(listedLosses))
    let front = Set(spread(frontier.front, to: isWhole ? frontier.points.count : frontRows).map(\.key))
    let rows = frontier.points.filter { isWhole || front.contains($0.key) || listed.contains($0.loss) }
    let losses = Set(frontier.points.map(\.loss)).count
    let single = frontier.points.contains { $0.seeds == 1 }
    var text = """
        ## Score against KL

        A loss may score more only because it went further from the reference. Each point is a loss at one setting: \
        \(frontier.points.count) points of \(ReportText.plural(losses, "loss", "losses")). `front` marks those that no \
        other beats at the same or a lower KL\(front.count < frontier.front.count ? ", of which some are left out here" : "")\
        \(isWhole ? "" : "; the other rows are the rest of " + listed.joined(separator: ", ")). Score: \
        \(frontier.scoreOf). KL: \(frontier.klOf), nats an answer.\
        \(single ? " Points of one seed have no error in KL, and the front takes the luckiest of many." : "")

        \(frontierTable(rows))
        """
    if let untrained = frontier.untrained {
        text += "\n\nThe reference itself, at KL 0, scores \(ReportText.score(untrained))."
    }
    if !frontier.gaps.isEmpty { text += "\n\n" + gapSentence(frontier.gaps, of: listed) }
    return text
        + "\n\nEvery point with its errors: `frontier.svg` beside this report, and `losslab campaign plot \(campaign)`."
}

private func frontierTable(_ points: [FrontierPoint]) -> String {
    ReportText.table(
        ["front", "loss", "lr", "beta", "seeds", "KL", "score"],
        points.map { point in
            [
                point.onFront ? "front" : "", point.loss, ReportText.setting(point.setting.learningRate),
                ReportText.setting(point.setting.beta), "\(point.seeds)", ReportText.score(point.kl),
                ReportText.score(point.score),
            ]
        })
}

/// Settings at which losses broke: those of the listed losses by name.
private func gapSentence(_ gaps: [FrontierGap], of listed: [String]) -> String {
    let own = gaps.filter { listed.contains($0.loss) }.map { gap in
        "\(gap.loss) at lr \(ReportText.setting(gap.setting.learningRate)) and beta "
            + "\(ReportText.setting(gap.setting.beta)) (\(gap.rejected) of \(ReportText.plural(gap.seeds, "seed", "seeds")))"
    }
    let all = ReportText.plural(gaps.count, "setting has", "settings have")
    return "\(all) no point, since the loss was rejected there in training"
        + (own.isEmpty ? "." : ", among them " + own.joined(separator: ", ") + ".")
}

/// So many of the points, the ends among them, evenly by their place.
private func spread(_ points: [FrontierPoint], to count: Int) -> [FrontierPoint] {
    guard points.count > count else { return points }
    return (0..<count).map { points[$0 * (points.count - 1) / (count - 1)] }
}

extension FrontierPoint {
    fileprivate var key: String { "\(loss) \(setting)" }
}
