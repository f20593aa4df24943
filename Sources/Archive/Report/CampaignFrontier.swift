public import LabCore

/// A campaign's reward-against-KL frontier: every setting of every scored loss in the search, and whose settings to show.
public struct CampaignFrontier: Codable, Sendable, Equatable {
    /// How many of the best catalogue losses and of the best proposed ones are shown.
    private static let shownOfEach = 2
    /// As many as a picture has colours for.
    private static let mostShown = 8

    public let frontier: Frontier
    /// DPO, the confirmed losses, the best of the catalogue and of the proposed, in this order.
    public let shown: [String]

    /// - Parameters:
    ///   - trials: those of the search, by loss; smoke trials are left out, being shorter than the rest.
    ///   - untrained: the policy before any training, on the same questions.
    /// - Returns: `nil` where no trial has both a score and a KL.
    public init?(
        config: CampaignConfig?, snapshot: ArchiveSnapshot, confirmation: Confirmation?,
        trials: [CandidateID: [TrialRecord]], untrained: [UntrainedScore] = []
    ) {
        let world = config?.world
        var runs: [FrontierRun] = []
        var gaps: [FrontierGap] = []
        for loss in snapshot.candidates where loss.tuned != nil {
            let own = (trials[loss.id] ?? []).filter { Self.counts($0.spec, in: world) }
            for (setting, records) in Dictionary(grouping: own, by: \.spec.setting) {
                let results = Self.results(of: records)
                let seeds = Set(records.map(\.spec.seed)).count
                guard results.count == seeds else {
                    gaps.append(
                        FrontierGap(
                            loss: loss.lossName, setting: setting, rejected: seeds - results.count, seeds: seeds))
                    continue
                }
                runs += results.compactMap { result in
                    result.kl.map {
                        FrontierRun(
                            loss: loss.lossName, control: loss.source?.isControl == true, setting: setting,
                            seed: result.spec.seed, scores: result.questionScores,
                            kl: Estimate(mean: $0, standardError: nil, count: 1))
                    }
                }
            }
        }
        guard !runs.isEmpty else { return nil }
        frontier = Frontier(
            runs, gaps: gaps,
            scoreOf: "mean of \((config?.judge ?? JudgeConfig()).scale) on the search's questions",
            klOf: config?.policy == nil ? Self.exactKL : Self.logRatioKL,
            untrained: Self.sampled(untrained))
        let measured = Set(frontier.points.map(\.loss))
        shown = Self.notable(snapshot, confirmation).filter(measured.contains)
    }

    private static let exactKL =
        "of the policy from its reference, exact at every token of answers it samples at temperature 1"
    private static let logRatioKL =
        "of the policy from its reference, by the log-ratio of answers it samples at temperature 1"

    /// Whether a trial is one by which the search tuned its losses.
    private static func counts(_ spec: TrialSpec, in world: String?) -> Bool {
        (spec.fidelity == .proxy || spec.fidelity == .full) && spec.world == world ?? spec.world
            && spec.pairPool == .search && spec.questionSet == .search
    }

    /// One a seed; a seed in which the loss was rejected has none.
    private static func results(of records: [TrialRecord]) -> [TrialResult] {
        let rejected = Set(records.filter { $0.result == nil }.map(\.spec.seed))
        var bySeed: [Int: TrialResult] = [:]
        for record in records where !rejected.contains(record.spec.seed) {
            // The same training may stand at both rungs.
            if let result = record.result, bySeed[record.spec.seed] == nil || record.spec.fidelity == .full {
                bySeed[record.spec.seed] = result
            }
        }
        return bySeed.values.sorted { $0.spec.seed < $1.spec.seed }
    }

    private static func notable(_ snapshot: ArchiveSnapshot, _ confirmation: Confirmation?) -> [String] {
        let best = ranked(snapshot).filter { $0.source?.isControl != true }
        let proposed = best.filter { $0.arm != .catalogue }.prefix(shownOfEach)
        // A sweep of the catalogue has nothing else to show.
        let catalogue = best.filter { $0.arm == .catalogue && $0.lossName != "dpo" }
            .prefix(proposed.isEmpty ? mostShown : shownOfEach)
        let confirmed = (confirmation?.scores ?? []).sorted { $0.score.mean > $1.score.mean }.map(\.name)
        var names: [String] = []
        for name in ["dpo"] + proposed.map(\.lossName) + catalogue.map(\.lossName) + confirmed
        where !names.contains(name) {
            names.append(name)
        }
        return Array(names.prefix(mostShown))
    }

    /// By the decoding that trials are scored with; the others are there for comparison.
    private static func sampled(_ untrained: [UntrainedScore]) -> Estimate? {
        untrained.first { !["T=1", "T=0.3", "greedy"].contains($0.decoding) }
            .map { Estimate(mean: $0.score, standardError: $0.standardError, count: 2) }
    }
}

extension TrialRecord {
    fileprivate var result: TrialResult? {
        if case .scored(let result) = outcome { result } else { nil }
    }
}
