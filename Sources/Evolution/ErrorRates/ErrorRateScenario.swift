import LabCore

/// What is true in a simulated campaign: how good the catalogue and the candidates really are.
public enum ErrorRateScenario: String, Codable, Sendable, CaseIterable {
    /// Candidates are at most as good as the best catalogue loss, which is .10 above DPO, as in the embedded base world.
    case noImprovement
    /// The hardest case of the same: every candidate exactly ties with a catalogue loss far ahead of all others.
    case everyCandidateTies
    /// DPO is the best catalogue loss and no candidate is better.
    case nothingBeatsDPO
    /// One candidate is better than every catalogue loss by .15; the others as in `noImprovement`.
    case oneImprovement
    /// The same with .50, as was found on length-biased labels.
    case oneLargeImprovement

    public var title: String {
        switch self {
        case .noImprovement: "no candidate better than the best catalogue loss"
        case .everyCandidateTies: "every candidate exactly as good as the best catalogue loss"
        case .nothingBeatsDPO: "no loss better than DPO"
        case .oneImprovement: "one candidate better by 0.15"
        case .oneLargeImprovement: "one candidate better by 0.50"
        }
    }

    /// True advantage of the one improved candidate over the best catalogue loss.
    var improvement: Double? {
        switch self {
        case .oneImprovement: 0.15
        case .oneLargeImprovement: 0.5
        default: nil
        }
    }

    /// Score of the best catalogue loss; DPO's is always zero.
    private var bestCatalogue: Double {
        switch self {
        case .nothingBeatsDPO: 0
        case .everyCandidateTies: 0.3
        default: 0.1
        }
    }

    /// Catalogue and candidates with their truths, in the order of their ids.
    func losses(
        catalogue: Int, candidates: Int, grid: SettingGrid, using generator: inout SeededGenerator
    ) -> (catalogue: [SimulatedLoss], candidates: [SimulatedLoss]) {
        // One loss is best, DPO is at zero, the rest trail DPO; neighbours differed by .02-.07, the worst by about one.
        let known = (1...catalogue).map { number in
            let truth = number == 1 ? 0 : number == 2 ? bestCatalogue : -abs(0.3 * generator.normal())
            return SimulatedLoss(
                id: CandidateID(-number), name: number == 1 ? "dpo" : "catalogue-\(number)", best: truth, on: grid,
                using: &generator)
        }
        let lucky = improvement == nil ? nil : 1 + Int(generator.uniform() * Double(candidates))
        let proposed = (1...candidates).map { number in
            var truth = bestCatalogue
            if number == lucky {
                truth += improvement ?? 0
            } else if self != .everyCandidateTies {
                // Most are variants of good losses, one in ten is broken.
                truth -= generator.uniform() < 0.1 ? 2 : abs(0.2 * generator.normal())
            }
            return SimulatedLoss(
                id: CandidateID(number), name: "candidate-\(number)", best: truth, on: grid, using: &generator)
        }
        return (known, proposed)
    }
}
