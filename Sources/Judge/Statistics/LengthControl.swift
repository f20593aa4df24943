#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A win rate at equal length: what is left of a lead when the longer answer's advantage is taken out.
///
/// Fits `logit P(win) = theta + phi * tanh(d / sd(d))`, `d` the answer's length minus the baseline's in characters, by
/// maximum likelihood over the questions' mean outcomes (ties and split orders are fractions); the length-controlled win
/// rate is `sigmoid(theta)`, the probability of a win at `d = 0`. The idea is AlpacaEval 2's (Dubois et al. 2024), without
/// its third term, the difficulty of the question, which needs many models. A normal prior of standard deviation 10 on
/// both coefficients keeps them finite when one side wins everything. Where length and quality cannot be told apart,
/// because every answer is longer than its rival, the rate says little: its interval is then wide.
public struct LengthControl: Sendable, Equatable {
    /// Log odds of a win at equal length.
    public let theta: Double
    /// Weight of the length term; positive where longer answers win.
    public let phi: Double

    public var winRate: Double { sigmoid(theta) }

    private static let priorPrecision = 0.01

    /// - Parameter outcomes: value to the model (0 to 1) and length difference of each question.
    public init?(_ outcomes: [(value: Double, difference: Double)]) {
        guard !outcomes.isEmpty else { return nil }
        let spread = standardDeviation(outcomes.map(\.difference)) ?? 0
        let terms = outcomes.map { spread > 0 ? tanh($0.difference / spread) : 0 }
        self.init(values: outcomes.map(\.value), terms: terms)
    }

    /// Newton's method on two coefficients, the step halved where it would lose likelihood.
    private init(values: [Double], terms: [Double]) {
        var (theta, phi) = (0.0, 0.0)
        func loss(_ theta: Double, _ phi: Double) -> Double {
            var total = 0.5 * Self.priorPrecision * (theta * theta + phi * phi)
            for (value, term) in zip(values, terms) {
                let z = theta + phi * term
                total += max(z, 0) - value * z + log1p(exp(-abs(z)))
            }
            return total
        }
        var current = loss(0, 0)
        for _ in 0..<100 {
            var (g0, g1) = (Self.priorPrecision * theta, Self.priorPrecision * phi)
            var (h00, h01, h11) = (Self.priorPrecision, 0.0, Self.priorPrecision)
            for (value, term) in zip(values, terms) {
                let p = sigmoid(theta + phi * term)
                let w = p * (1 - p)
                g0 += p - value
                g1 += (p - value) * term
                h00 += w
                h01 += w * term
                h11 += w * term * term
            }
            let determinant = h00 * h11 - h01 * h01
            let (d0, d1) = ((h11 * g0 - h01 * g1) / determinant, (h00 * g1 - h01 * g0) / determinant)
            var step = 1.0
            var next = loss(theta - d0, phi - d1)
            while next > current, step > 1e-6 {
                step /= 2
                next = loss(theta - step * d0, phi - step * d1)
            }
            guard next <= current else { break }
            theta -= step * d0
            phi -= step * d1
            current = next
            if abs(step * d0) + abs(step * d1) < 1e-12 { break }
        }
        self.theta = theta
        self.phi = phi
    }
}
