public import LabCore

/// Candidates, trials and confirmations with plausible content, for tests of whatever keeps or shows them.
public enum Example {
    public static func source(_ name: String, origin: LossOrigin = .discovered, parents: [String] = []) -> LossSource {
        let text = """
            # ---
            # name: \(name)
            # origin: \(origin.rawValue)
            # beta: 0.05
            # ---
            def loss(policy_chosen_logps, policy_rejected_logps, *references_and_beta):
                return policy_rejected_logps - policy_chosen_logps

            """
        return LossSource(
            name: name, text: text, origin: origin, beta: 0.05, title: "The \(name) loss", parents: parents)
    }

    /// Scores per seed and question around `mean`, each seed and question with a small effect of its own.
    public static func scoreTable(mean: Double, seeds: [Int], questions: Int = 4) -> [[Double]] {
        seeds.map { seed in
            let seedEffect = 0.125 * Double(seed % 3 - 1)
            return (0..<questions).map { question in
                let questionEffect = question.isMultiple(of: 2) ? -0.25 : 0.25
                return mean + seedEffect + questionEffect
            }
        }
    }

    public static func tunedScore(mean: Double, seeds: [Int] = [1, 2, 3], kl: Double = 0.5) -> TunedScore {
        let table = scoreTable(mean: mean, seeds: seeds)
        let greedy = table.map { $0.map { $0 + 0.5 } }
        let missing = Estimate(mean: mean, standardError: nil, count: 0)
        return TunedScore(
            setting: Setting(learningRate: 0.001, beta: 0.05), score: CrossedScores(table)?.estimate ?? missing,
            greedy: CrossedScores(greedy)?.estimate ?? missing, kl: kl, fidelity: seeds.count > 1 ? .full : .proxy,
            table: table, greedyTable: greedy, seeds: seeds, trials: 6 + seeds.count, onGridEdge: false)
    }

    /// A catalogue loss for a negative id, a proposed one otherwise; scored when `mean` is given.
    public static func candidate(
        _ number: Int, _ name: String, mean: Double? = nil, parents: [Int] = [], arm: SearchArm? = nil,
        status: CandidateStatus? = nil, seeds: [Int] = [1, 2, 3]
    ) -> Candidate {
        let isCatalogue = number < 0
        let tuned = mean.map { tunedScore(mean: $0, seeds: seeds) }
        let proposal = LossProposal(
            name: name, text: source(name).text, parents: parents.map { CandidateID($0) },
            operation: isCatalogue ? "catalogue" : parents.isEmpty ? "random" : "mutation")
        return Candidate(
            id: CandidateID(number), arm: arm ?? (isCatalogue ? .catalogue : .evolution), generation: 1,
            proposal: proposal, source: source(name, origin: isCatalogue ? .baseline : .discovered),
            fingerprint: Fingerprint(hash: "f\(number)", values: [0.5, Double(number)]), shape: nil,
            status: status ?? .scored(tuned?.fidelity ?? .smoke), tuned: tuned)
    }

    public static func spec(seed: Int, fidelity: Fidelity = .proxy, world: String = "base") -> TrialSpec {
        TrialSpec(
            world: world, fidelity: fidelity, setting: Setting(learningRate: 0.001, beta: 0.05), seed: seed,
            pairPool: fidelity == .confirmation ? .confirmation : .search,
            questionSet: fidelity == .confirmation ? .heldOut : .search)
    }

    public static func outcome(_ spec: TrialSpec, mean: Double, seconds: Double = 2.5) -> TrialOutcome {
        let scores = scoreTable(mean: mean, seeds: [spec.seed]).first ?? []
        return .scored(
            TrialResult(
                spec: spec, questionScores: scores, greedyScores: scores.map { $0 + 0.5 }, kl: 0.5,
                metrics: ["loss": 0.625, "rewards/accuracies": 0.75, "train_runtime": seconds], seconds: seconds,
                weightsHash: "abc\(spec.seed)"))
    }

    /// A confirmation in which `winner` is compared with DPO in one world.
    public static func confirmation(
        winner: String = "soft", verdict: Verdict = .beatsDPOOnly, world: String = "base"
    ) -> Confirmation {
        func score(_ name: String, _ search: Double, _ confirmed: Double) -> ConfirmedScore {
            let fresh = tunedScore(mean: confirmed, seeds: Array(101...112))
            return ConfirmedScore(
                name: name, world: world, setting: fresh.setting, searchScore: tunedScore(mean: search).score,
                score: fresh.score, greedy: fresh.greedy, kl: 0.5, table: fresh.table, greedyTable: fresh.greedyTable,
                seeds: fresh.seeds)
        }
        let difference = Estimate(mean: 0.25, standardError: 0.0625, degreesOfFreedom: 20, count: 12)
        return Confirmation(
            verdict: verdict, winner: verdict == .noDiscovery ? nil : winner,
            scores: [score(winner, 6.5, 6.375), score("dpo", 6.125, 6.125)],
            comparisons: [
                PairedComparison(
                    candidate: winner, against: "dpo", world: world, difference: difference,
                    greedyDifference: nil, pValue: 0.0005, adjustedPValue: 0.001)
            ],
            summary: ["The finalist \(winner) scores 0.25 above dpo on held-out questions."])
    }
}
