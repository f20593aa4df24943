/// What each loss's score costs in distance from the reference: a point for every loss and setting that was tried.
///
/// A loss that is better at a larger KL may only have been pushed further; what it is worth shows where another loss
/// has gone as far.
public struct Frontier: Codable, Sendable, Equatable {
    /// By KL; at the same KL the better score first.
    public let points: [FrontierPoint]
    /// Settings without a point.
    public let gaps: [FrontierGap]
    /// What the score is, such as `mean judge score`.
    public let scoreOf: String
    /// What the KL is an estimate of.
    public let klOf: String
    /// The reference's own score; its KL is 0.
    public let untrained: Estimate?

    /// - Parameter runs: all trainings; those of one loss and setting make one point.
    public init(
        _ runs: [FrontierRun], gaps: [FrontierGap] = [], scoreOf: String, klOf: String, untrained: Estimate? = nil
    ) {
        let groups = Dictionary(grouping: runs) { Place(loss: $0.loss, setting: $0.setting) }
        let found = groups.compactMap { place, runs in
            FrontierPoint(place.loss, place.setting, runs.sorted { $0.seed < $1.seed })
        }
        points = Self.marked(found.sorted(by: Self.order))
        self.gaps = gaps.sorted {
            ($0.loss, $0.setting.learningRate, $0.setting.beta) < ($1.loss, $1.setting.learningRate, $1.setting.beta)
        }
        self.scoreOf = scoreOf
        self.klOf = klOf
        self.untrained = untrained
    }

    /// Points that no other equals at a lower KL or beats at the same; controls are measured, but none of them.
    public var front: [FrontierPoint] { points.filter(\.onFront) }

    private struct Place: Hashable {
        let loss: String
        let setting: Setting
    }

    private static func order(_ left: FrontierPoint, _ right: FrontierPoint) -> Bool {
        if left.kl.mean != right.kl.mean { return left.kl.mean < right.kl.mean }
        if left.score.mean != right.score.mean { return left.score.mean > right.score.mean }
        return (left.loss, left.setting.learningRate, left.setting.beta)
            < (right.loss, right.setting.learningRate, right.setting.beta)
    }

    private static func marked(_ points: [FrontierPoint]) -> [FrontierPoint] {
        var best: FrontierPoint?
        return points.map { point in
            guard !point.control else { return point }
            let equal = point.score.mean == best?.score.mean && point.kl.mean == best?.kl.mean
            guard equal || point.score.mean > best?.score.mean ?? -.infinity else { return point }
            best = point
            var point = point
            point.onFront = true
            return point
        }
    }
}

/// One training as the frontier sees it.
public struct FrontierRun: Sendable, Equatable {
    public let loss: String
    public let control: Bool
    public let setting: Setting
    public let seed: Int
    /// One a question, in the same order for every run.
    public let scores: [Double]
    /// Nats an answer; its own error counts where it is the only seed.
    public let kl: Estimate

    public init(loss: String, control: Bool = false, setting: Setting, seed: Int, scores: [Double], kl: Estimate) {
        self.loss = loss
        self.control = control
        self.setting = setting
        self.seed = seed
        self.scores = scores
        self.kl = kl
    }
}

/// One loss at one setting.
public struct FrontierPoint: Codable, Sendable, Equatable {
    public let loss: String
    /// Whether the loss is one that cannot be any good.
    public let control: Bool
    public let setting: Setting
    /// Its error counts seeds and questions; questions alone where there is one seed.
    public let score: Estimate
    /// Its error is over seeds; of one seed it is the estimate's own, or none.
    public let kl: Estimate
    public let seeds: Int
    public fileprivate(set) var onFront = false

    /// `nil` where runs were asked different questions, or a figure is not finite.
    fileprivate init?(_ loss: String, _ setting: Setting, _ runs: [FrontierRun]) {
        guard let score = CrossedScores(runs.map(\.scores))?.estimate, let first = runs.first,
            let kl = runs.count == 1 ? first.kl : estimate(of: runs.map(\.kl.mean)),
            score.mean.isFinite, kl.mean.isFinite
        else { return nil }
        self.loss = loss
        control = first.control
        self.setting = setting
        self.score = score
        self.kl = kl
        seeds = runs.count
    }
}

/// A setting at which a loss was rejected in training, so that whatever seeds are left would flatter it.
public struct FrontierGap: Codable, Sendable, Equatable {
    public let loss: String
    public let setting: Setting
    /// Seeds in which it was rejected.
    public let rejected: Int
    /// Seeds tried.
    public let seeds: Int

    public init(loss: String, setting: Setting, rejected: Int, seeds: Int) {
        self.loss = loss
        self.setting = setting
        self.rejected = rejected
        self.seeds = seeds
    }
}
