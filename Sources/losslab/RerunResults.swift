import Archive
import Evolution
import LabCore
import Trainer

/// The figures of a rerun's losses, each at its own best setting, and their paired differences.
struct RerunResults {
    let tuning: RerunTuning
    let contenders: [RerunContender]
    /// Name of the loss the others are compared with.
    let against: String
    /// Where answers were judged; `nil` where a judgment has no rating.
    let judgments: RerunJudgments
    /// What those scores are, in a few words; `nil` without a judge.
    let scale: String?
    let before: [String: EarlierScore]
    /// Place in the archive of losses that were named by it.
    let places: [String: (campaign: String, candidate: CandidateID)]

    /// One loss's best setting with what was measured there.
    private struct Measured {
        let tuned: TunedScore
        let reports: [FinetuneReport]
        let scores: HeldOutScores
    }

    /// Judge scores a question by loss and seed, at each loss's best setting.
    private var suiteScores: [String: [[Double?]]] {
        Dictionary(
            contenders.compactMap { contender in
                guard let best = tuning.best(of: contender), let own = judgments[contender.loss.name] else {
                    return nil
                }
                let rows = tuning.tuning.config.fullSeeds.compactMap { seed in
                    own.first { $0.key.setting == best.setting && $0.key.seed == seed }?.value
                }
                return (contender.loss.name, rows)
            }
        ) { first, _ in first }
    }

    private var measured: [String: Measured] {
        Dictionary(
            contenders.compactMap { contender in
                guard let tuned = tuning.best(of: contender) else { return nil }
                let reports = tuning.reports(of: contender, at: tuned.setting)
                guard let scores = HeldOutScores(reports.map { tuning.divided($0.heldOut).scoring }) else { return nil }
                return (contender.loss.name, Measured(tuned: tuned, reports: reports, scores: scores))
            }
        ) { first, _ in first }
    }

    /// In the order of the command line.
    func scores() -> [RerunScore] {
        let measured = measured
        let baseline = measured[against]
        let rows = contenders.map { contender -> RerunScore in
            let own = measured[contender.loss.name]
            let isBaseline = contender.loss.name == against
            let place = places[contender.loss.name]
            return RerunScore(
                name: contender.loss.name, textHash: ContentHash.sha256(contender.loss.text),
                control: contender.loss.isControl, campaign: place?.campaign, candidate: place?.candidate,
                setting: own?.tuned.setting, onGridEdge: own?.tuned.onGridEdge, trainings: contender.trainings,
                metrics: own.map { metrics(of: $0, contender.loss.name) } ?? [:],
                differences: own.flatMap { own in
                    isBaseline ? nil : baseline.map { differences(of: own, contender.loss.name, from: $0) }
                } ?? [:],
                pValue: nil,
                overLength: own.flatMap { $0.scores.difference(from: [$0.scores.length.wins], in: .accuracy) },
                seedAccuracies: own?.scores.values(.accuracy).map { $0.reduce(0, +) / Double($0.count) } ?? [],
                breaks: contender.breaks.map {
                    RerunBreak(setting: $0.spec.setting, seed: $0.spec.seed, rejection: $0.rejection)
                },
                before: before[contender.loss.name], problem: own == nil ? problem(of: contender) : nil)
        }
        return withAdjustedPValues(rows)
    }

    /// What says nothing about a loss, on the same pairs: any measured loss has them all.
    func baselines() -> [RerunBaseline] {
        guard let scores = contenders.lazy.compactMap({ measured[$0.loss.name]?.scores }).first else { return [] }
        let rows = [
            scores.length,
            ("untrained, likelier a token", scores.likelierWins),
        ]
        return rows.compactMap { name, values in
            HeldOutScores.estimate([values], prompts: scores.prompts).map { RerunBaseline(name: name, accuracy: $0) }
        }
    }

    func pairs() -> RerunPairs? {
        guard let report = contenders.lazy.compactMap({ $0.reports.values.first }).first else { return nil }
        let parts = tuning.divided(report.heldOut)
        return RerunPairs(
            training: report.pairs, unusable: report.unusable, truncated: report.truncated,
            choosing: parts.choosing.count, scoring: parts.scoring.count,
            prompts: Set(parts.scoring.map(\.prompt)).count)
    }

    /// Everything the trainings had to remark, once each.
    func notes() -> [String] {
        let reports = contenders.flatMap(\.reports.values)
        var notes = Set(reports.flatMap(\.notes)).sorted()
        if let report = reports.first {
            let parts = tuning.divided(report.heldOut)
            if parts.choosing == parts.scoring, !parts.scoring.isEmpty {
                notes.append("too few held-out prompts: settings were chosen on the pairs that are reported")
            }
        }
        return notes
    }

    /// Whether the KL column is over the policies' own answers.
    var klIsSampled: Bool { contenders.contains { $0.reports.values.contains { $0.sampledKL != nil } } }

    private func metrics(of own: Measured, _ name: String) -> [String: Estimate] {
        var metrics: [String: Estimate] = [:]
        for measure in HeldOutScores.Measure.allCases { metrics[measure.rawValue] = own.scores.estimate(measure) }
        let beta = own.tuned.setting.beta
        metrics["rewardMargin"] = own.scores.estimate(.margin).map {
            Estimate(
                mean: beta * $0.mean, standardError: $0.standardError.map { beta * $0 },
                degreesOfFreedom: $0.degreesOfFreedom, count: $0.count)
        }
        if klIsSampled { metrics["kl"] = overSeeds(own.reports.map(\.sampledKL)) }
        metrics["lengthChange"] = overSeeds(own.reports.map(\.lengthChange))
        metrics["score"] = suiteTable(name).flatMap(CrossedScores.init)?.estimate
        return metrics
    }

    private func differences(of own: Measured, _ name: String, from other: Measured) -> [String: Estimate] {
        var differences: [String: Estimate] = [:]
        for measure in HeldOutScores.Measure.allCases {
            differences[measure.rawValue] = own.scores.difference(from: other.scores, in: measure)
        }
        if klIsSampled {
            differences["kl"] = overSeeds(
                zip(own.reports, other.reports).map { difference($0.sampledKL, $1.sampledKL) })
        }
        differences["lengthChange"] = overSeeds(
            zip(own.reports, other.reports).map { difference($0.lengthChange, $1.lengthChange) })
        if let table = suiteTable(name, and: against), let others = suiteTable(against, and: name) {
            differences["score"] = CrossedScores(others).flatMap { CrossedScores(table)?.minus($0) }?.estimate
        }
        return differences
    }

    private func difference(_ one: Estimate?, _ other: Estimate?) -> Estimate? {
        guard let one, let other else { return nil }
        return Estimate(mean: one.mean - other.mean, standardError: nil, count: 1)
    }

    /// The mean over seeds of figures that are known a seed only; a single seed keeps its own error.
    private func overSeeds(_ values: [Estimate?]) -> Estimate? {
        let known = values.compactMap(\.self)
        guard known.count == values.count, let first = known.first else { return nil }
        return known.count == 1 ? first : estimate(of: known.map(\.mean))
    }

    /// Scores by seed of the questions that are rated for every seed, and in `other` too where it is given.
    private func suiteTable(_ name: String, and other: String? = nil) -> [[Double]]? {
        guard let own = suiteScores[name], let first = own.first else { return nil }
        let rows = own + (other.flatMap { suiteScores[$0] } ?? [])
        let kept = first.indices.filter { question in
            rows.allSatisfy { question < $0.count && $0[question] != nil }
        }
        guard !kept.isEmpty else { return nil }
        return own.map { row in kept.compactMap { row[$0] } }
    }

    private func problem(of contender: RerunContender) -> String {
        if let refusal = contender.refusal { return "rejected by screening: \(refusal.code): \(refusal.message)" }
        let reason = contender.breaks.last.map { ": \($0.rejection.code): \($0.rejection.message)" } ?? ""
        return "no setting lasted for every seed\(reason)"
    }

    private func withAdjustedPValues(_ rows: [RerunScore]) -> [RerunScore] {
        let compared = rows.filter { $0.differences["accuracy"] != nil }
        let adjusted = holmAdjusted(compared.map { $0.differences["accuracy"]?.pValueAgainstZero ?? 1 })
        let pValues = Dictionary(zip(compared.map(\.name), adjusted)) { first, _ in first }
        return rows.map { row in
            RerunScore(
                name: row.name, textHash: row.textHash, control: row.control, campaign: row.campaign,
                candidate: row.candidate, setting: row.setting, onGridEdge: row.onGridEdge, trainings: row.trainings,
                metrics: row.metrics, differences: row.differences, pValue: pValues[row.name],
                overLength: row.overLength, seedAccuracies: row.seedAccuracies, breaks: row.breaks,
                before: row.before, problem: row.problem)
        }
    }
}
