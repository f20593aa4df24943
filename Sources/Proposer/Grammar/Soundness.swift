/// Whether a loss is worth a training: what screening would measure, on a few points and without Python.
///
/// Finite values and derivatives from the first step to margins of a thousand nats, growth that is bounded, linear or at
/// most quadratic, and a first step that moves chosen up or rejected down. Screening remains the judge.
public struct Soundness: Sendable {
    public static let standard = Soundness()

    /// Largest ratio of the steepest slope anywhere to the mean slope at the start of training.
    private static let steepest = 1e9
    /// Largest ratio in ordinary training, where beta times a log-ratio stays within about 3.
    private static let steepestInTraining = 1e4
    /// Of the first step's pull on the policy, at least this share must be towards chosen and away from rejected.
    private static let alignment = 0.2
    /// And at least this share must raise chosen, since a loss that only pushes rejected down pushes everything down: in
    /// the length-biased world all 9 of 54 proposals below .25 ended in collapse (score under 3.3), none of the others.
    private static let chosenShare = 0.25

    /// Why the loss would not do, or `nil` where it is sound.
    public func fault(of loss: LossExpression) -> String? {
        guard loss.kind == .loss, loss.isWellFormed else { return "not a well-formed loss" }
        guard loss.dependsOnPolicy else { return "does not depend on the policy" }
        var pull = 0.0
        var raise = 0.0
        var total = 0.0
        for point in ProbePoints.start {
            let gradient = loss.evaluate(at: point)
            guard gradient.isFinite else { return "not finite at the start of training" }
            let towardsChosen = -gradient.partials[0] / point.beta
            let fromRejected = gradient.partials[1] / point.beta
            pull += towardsChosen + fromRejected
            raise += towardsChosen
            total += abs(towardsChosen) + abs(fromRejected)
        }
        guard total > 1e-9 * Double(ProbePoints.start.count) else { return "no derivative at the start of training" }
        guard pull > Self.alignment * total else { return "the first step does not prefer chosen to rejected" }
        guard raise > Self.chosenShare * total else { return "the first step does not raise chosen" }
        let unit = total / Double(ProbePoints.start.count)
        for (points, limit) in [
            (ProbePoints.training, Self.steepestInTraining), (ProbePoints.extreme, Self.steepest),
        ] {
            for point in points {
                let gradient = loss.evaluate(at: point)
                guard gradient.isFinite, abs(gradient.value) < 1e30 else { return "not finite at large margins" }
                let slope = max(abs(gradient.partials[0]), abs(gradient.partials[1])) / point.beta
                guard slope < limit * unit else { return "slopes explode" }
            }
        }
        return nil
    }

    /// What the loss teaches on the training points, its scale removed: equal for losses that train alike.
    ///
    /// The policy's two derivatives at two betas, each beta by itself, in units of their mean. Values are left out: what
    /// they add to the derivatives, a term of the reference alone, no training sees.
    public func signature(of loss: LossExpression) -> [Double] {
        ProbePoints.trainingByBeta.flatMap { points -> [Double] in
            let slopes = points.map { loss.evaluate(at: $0) }.flatMap { [$0.partials[0], $0.partials[1]] }
            let unit = max(slopes.reduce(0) { $0 + abs($1) } / Double(slopes.count), 1e-300)
            return slopes.map { $0 / unit }
        }
    }

    /// Root mean square difference of two signatures.
    static func distance(_ left: [Double], _ right: [Double]) -> Double {
        let sum = zip(left, right).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
        return (sum / Double(max(left.count, 1))).squareRoot()
    }
}

/// Fixed preference pairs on which losses are looked at.
enum ProbePoints {
    static let betas = [0.05, 0.2]
    private static let references: [(Double, Double)] = [
        (-20, -35), (-60, -40), (-150, -160), (-400, -330), (-90, -300), (-1200, -700),
    ]
    /// Log-ratios of the trained policy, in units of 1 / beta.
    private static let moves: [(Double, Double)] = [
        (0.3, -0.2), (1.5, 0.4), (-0.6, -2.5), (-1.4, 0.9), (0.8, -1.1), (2.6, 1.9), (-2.2, -0.3), (0.1, 1.7),
    ]

    /// The first step: the policy is its reference.
    static let start: [PairPoint] = betas.flatMap { beta in references.map { point($0, (0, 0), beta) } }

    static let trainingByBeta: [[PairPoint]] = betas.map { beta in
        moves.enumerated().flatMap { index, move in
            [0, 2].map { offset in
                point(references[(index + offset) % references.count], (move.0 / beta, move.1 / beta), beta)
            }
        }
    }

    static let training: [PairPoint] = trainingByBeta.flatMap(\.self)

    /// Margins of up to a thousand nats, and log-probabilities of thousands.
    static let extreme: [PairPoint] = [0.05, 0.5].flatMap { beta in
        [-1000.0, -200, -60, 60, 200, 1000].flatMap { rho in
            [(-1500.0, -1500.0), (-2000, -900)].map { point($0, (rho / 2, -rho / 2), beta) }
        }
    }

    private static func point(_ reference: (Double, Double), _ ratios: (Double, Double), _ beta: Double) -> PairPoint {
        PairPoint(
            policyChosen: reference.0 + ratios.0, policyRejected: reference.1 + ratios.1, referenceChosen: reference.0,
            referenceRejected: reference.1, beta: beta)
    }
}
