public import LabCore

/// The best that each way of searching found within the same number of trainings.
///
/// Every arm's losses are taken in the order of their proposal until the trainings of the arm that had fewest are used
/// up, so that an arm is not praised for having been given more.
public struct ArmComparison: Codable, Sendable, Equatable {
    public struct Row: Codable, Sendable, Equatable {
        public let arm: SearchArm
        public let losses: Int
        public let trials: Int
        public let best: String
        public let bestScore: Estimate
        /// Mean over its losses, as a sign of whether the best is one lucky draw.
        public let meanScore: Double
    }

    /// Trainings that every arm is allowed.
    public let budget: Int
    public let rows: [Row]

    /// `nil` unless at least two arms have scored losses.
    public init?(_ snapshot: ArchiveSnapshot) {
        let arms = SearchArm.allCases.filter { $0 != .catalogue }.map { arm in
            (arm: arm, losses: snapshot.candidates.filter { $0.arm == arm && $0.tuned != nil })
        }.filter { !$0.losses.isEmpty }
        let totals = arms.map { arm in arm.losses.reduce(0) { $0 + ($1.tuned?.trials ?? 0) } }
        guard arms.count > 1, let budget = totals.min() else { return nil }
        self.budget = budget
        rows = arms.compactMap { arm, losses in
            var trials = 0
            var affordable: [(name: String, score: Estimate)] = []
            for loss in losses {
                guard let tuned = loss.tuned, trials + tuned.trials <= budget else { break }
                trials += tuned.trials
                affordable.append((loss.lossName, tuned.score))
            }
            guard let best = affordable.max(by: { $0.score.lowerBound() < $1.score.lowerBound() }) else { return nil }
            let mean = affordable.reduce(0) { $0 + $1.score.mean } / Double(affordable.count)
            return Row(
                arm: arm, losses: affordable.count, trials: trials, best: best.name, bestScore: best.score,
                meanScore: mean)
        }
        guard rows.count > 1 else { return nil }
    }
}
