import Archive
import LabCore
import Trainer

extension RerunResults {
    /// Score against KL of every setting; `nil` where the policies answered no questions, since the log-ratio on
    /// held-out answers is no KL that a policy could be charged with.
    func frontier() -> Frontier? {
        let judged = !judgments.isEmpty
        let rated = judged ? ratedQuestions : []
        var runs: [FrontierRun] = []
        var gaps: [FrontierGap] = []
        for contender in contenders {
            let broken = Dictionary(grouping: contender.breaks, by: \.spec.setting)
            for (setting, breaks) in broken {
                let trained = contender.reports.keys.filter { $0.setting == setting }.count
                gaps.append(
                    FrontierGap(
                        loss: contender.loss.name, setting: setting, rejected: breaks.count,
                        seeds: breaks.count + trained))
            }
            for (spec, report) in contender.reports where broken[spec.setting] == nil {
                let row = judgments[contender.loss.name]?[spec]
                guard let kl = report.sampledKL,
                    let scores = judged ? row.map({ row in rated.compactMap { row[$0] } }) : accuracies(report)
                else { continue }
                runs.append(
                    FrontierRun(
                        loss: contender.loss.name, control: contender.loss.isControl, setting: spec.setting,
                        seed: spec.seed, scores: scores, kl: kl))
            }
        }
        guard !runs.isEmpty else { return nil }
        return Frontier(
            runs, gaps: gaps, scoreOf: judged ? scale ?? "mean judge score" : "accuracy on held-out pairs",
            klOf: "of the policy from its reference, by the log-ratio of answers it samples at temperature 1")
    }

    /// Places of the questions that have a rating in every training.
    private var ratedQuestions: [Int] {
        let rows = judgments.values.flatMap(\.values)
        let count = rows.map(\.count).min() ?? 0
        return (0..<count).filter { question in rows.allSatisfy { $0[question] != nil } }
    }

    /// One a prompt, on the pairs that the report is measured on.
    private func accuracies(_ report: FinetuneReport) -> [Double]? {
        HeldOutScores([tuning.divided(report.heldOut).scoring]).map { scores in
            HeldOutScores.byPrompt(scores.values(.accuracy), prompts: scores.prompts)[0]
        }
    }
}

extension RerunRecord {
    /// Losses that stand out in a picture: the one compared with and the others in the order of the command line.
    var shown: [String] {
        let others = losses.filter { !$0.control && $0.name != against }.map(\.name)
        return Array(([against] + others).prefix(8))
    }
}

extension RerunText {
    /// Rows before only the front and two losses are listed.
    private static let mostRows = 30

    /// Score against KL, a row a setting; `nil` where no question was asked.
    var frontier: String? {
        guard let frontier = record.frontier, !frontier.points.isEmpty else { return nil }
        let listed = Set(record.shown.prefix(2))
        let points = frontier.points.filter {
            frontier.points.count <= Self.mostRows || $0.onFront || listed.contains($0.loss)
        }
        var table = TextTable(["score against KL", "front", "KL", "± se", "score", "± se ", "lr", "beta", "seeds"])
        for point in points {
            table.add([
                point.control ? "\(point.loss) (control)" : point.loss, point.onFront ? "front" : "",
                decimal(point.kl.mean, 3), point.kl.standardError.map { decimal($0, 3) } ?? "—",
                decimal(point.score.mean, 3), point.score.standardError.map { decimal($0, 3) } ?? "—",
                compact(point.setting.learningRate), compact(point.setting.beta), "\(point.seeds)",
            ])
        }
        let left = frontier.points.count - points.count
        var lines = [
            "score: \(frontier.scoreOf); KL: \(frontier.klOf), nats an answer",
            "front: no other setting scores more at the same or a lower KL; with one seed, luck is part of that",
        ]
        if left > 0 { lines.append("\(left) more settings are in the record and the picture") }
        if !frontier.gaps.isEmpty { lines.append("settings at which a loss broke have no point") }
        return ([table.text] + lines).joined(separator: "\n")
    }
}
