import LabCore

/// Counts what became of the simulated campaigns of one scenario.
struct ErrorRateTally {
    let scenario: ErrorRateScenario
    private var verdicts: [Verdict: Int] = [:]
    private var falseDiscoveries: [Double] = []
    private var falseDPOClaims: [Double] = []
    private var trueDiscoveries: [Double] = []
    private var differencesHeld: [Double] = []
    private var scoresHeld: [Double] = []
    private var searchScoresHeld: [Double] = []
    private var shrinkages: [Double] = []
    private var publishedClaims: [Double] = []
    private var publishedFalseClaims: [Double] = []
    private var publishedLeads: [Double] = []
    private var publishedTrueLeads: [Double] = []

    init(scenario: ErrorRateScenario) {
        self.scenario = scenario
    }

    mutating func add(_ campaign: SimulatedCampaign, _ claim: (winner: SimulatedLoss, lead: Double)?) {
        let (confirmation, truths) = campaign.run()
        let dpo = campaign.loss(named: "dpo")?.best ?? 0
        let bestKnown = campaign.catalogue.map(\.best).max() ?? 0
        let winner = confirmation.winner.flatMap(campaign.loss)
        verdicts[confirmation.verdict, default: 0] += 1
        let discovered = confirmation.verdict == .discovery
        let isBetter = (winner?.best ?? -.infinity) > bestKnown
        falseDiscoveries.append(discovered && !isBetter ? 1 : 0)
        trueDiscoveries.append(discovered && isBetter ? 1 : 0)
        falseDPOClaims.append(winner.map { $0.best > dpo ? 0 : 1 } ?? 0)
        addCoverage(of: confirmation, truths, campaign)
        addShrinkage(of: confirmation)
        if let claim {
            publishedClaims.append(claim.lead > 0 ? 1 : 0)
            publishedFalseClaims.append(claim.lead > 0 && claim.winner.best <= dpo ? 1 : 0)
            publishedLeads.append(claim.lead)
            publishedTrueLeads.append(claim.winner.best - dpo)
        }
    }

    /// Whether the 95 % intervals hold the true values at the confirmed settings.
    private mutating func addCoverage(
        of confirmation: Confirmation, _ truths: [String: Double], _ campaign: SimulatedCampaign
    ) {
        for score in confirmation.scores {
            guard let truth = truths[score.name] else { continue }
            if let interval = score.score.interval() { scoresHeld.append(interval.contains(truth) ? 1 : 0) }
            let isFinalist = campaign.candidates.contains { $0.name == score.name }
            if isFinalist, let interval = score.searchScore?.interval() {
                searchScoresHeld.append(interval.contains(truth) ? 1 : 0)
            }
        }
        for comparison in confirmation.comparisons {
            guard let own = truths[comparison.candidate], let other = truths[comparison.against],
                let interval = comparison.difference.interval()
            else { continue }
            differencesHeld.append(interval.contains(own - other) ? 1 : 0)
        }
    }

    /// How much of the best finalist's lead over DPO in the search was gone when confirmed.
    private mutating func addShrinkage(of confirmation: Confirmation) {
        guard let finalist = confirmation.scores.first, let search = finalist.searchScore,
            let dpo = confirmation.scores.first(where: { $0.name == "dpo" }), let dpoSearch = dpo.searchScore
        else { return }
        shrinkages.append((search.mean - dpoSearch.mean) - (finalist.score.mean - dpo.score.mean))
    }

    var row: ErrorRateRow {
        func share(_ verdict: Verdict) -> Double {
            Double(verdicts[verdict] ?? 0) / Double(max(verdicts.values.reduce(0, +), 1))
        }
        return ErrorRateRow(
            scenario: scenario, title: scenario.title, discovery: share(.discovery),
            beatsDPOOnly: share(.beatsDPOOnly), noDiscovery: share(.noDiscovery),
            falseDiscovery: estimate(of: falseDiscoveries), falseClaimOverDPO: estimate(of: falseDPOClaims),
            power: scenario.improvement == nil ? nil : estimate(of: trueDiscoveries),
            coverageOfDifferences: estimate(of: differencesHeld), coverageOfScores: estimate(of: scoresHeld),
            coverageOfSearchScores: estimate(of: searchScoresHeld), shrinkage: estimate(of: shrinkages),
            publishedClaim: estimate(of: publishedClaims), publishedFalseClaim: estimate(of: publishedFalseClaims),
            publishedLead: estimate(of: publishedLeads), publishedTrueLead: estimate(of: publishedTrueLeads))
    }
}
