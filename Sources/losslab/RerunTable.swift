import Archive
import LabCore

/// The reruns of one loss, the latest first; `nil` where there are none.
func rerunTable(of source: LossSource?, _ reruns: [RerunRecord]) -> String? {
    guard let source, !reruns.isEmpty else { return nil }
    let hash = ContentHash.sha256(source.text)
    var table = TextTable([
        "rerun", "dataset", "model", "seeds", "accuracy", "± se", "from", "difference", "± se ", "KL", "lr", "beta",
    ])
    for rerun in reruns {
        guard let row = rerun.losses.first(where: { $0.textHash == hash }) else { continue }
        let difference = row.differences["accuracy"]
        table.add([
            rerun.id, rerun.dataset, rerun.model, "\(rerun.seeds.count)", cell(row.metrics["accuracy"]?.mean, 3),
            cell(row.metrics["accuracy"]?.standardError, 3), row.name == rerun.against ? "" : rerun.against,
            cell(difference?.mean, 3), cell(difference?.standardError, 3), cell(row.metrics["kl"]?.mean),
            row.setting.map { compact($0.learningRate) } ?? row.problem ?? "—",
            row.setting.map { compact($0.beta) } ?? "—",
        ])
    }
    return table.text
}
