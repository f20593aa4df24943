import Foundation

/// One preference pair and the beta it is looked at with: summed log-probabilities in nats.
public struct PairPoint: Codable, Sendable, Hashable {
    public let policyChosen: Double
    public let policyRejected: Double
    public let referenceChosen: Double
    public let referenceRejected: Double
    public let beta: Double

    public init(
        policyChosen: Double, policyRejected: Double, referenceChosen: Double, referenceRejected: Double, beta: Double
    ) {
        self.policyChosen = policyChosen
        self.policyRejected = policyRejected
        self.referenceChosen = referenceChosen
        self.referenceRejected = referenceRejected
        self.beta = beta
    }
}

/// A value with its derivatives in the four log-probabilities (policy chosen, policy rejected, then the references).
public struct Gradient: Sendable, Hashable {
    public let value: Double
    public let partials: SIMD4<Double>

    init(_ value: Double, _ partials: SIMD4<Double> = .zero) {
        self.value = value
        self.partials = partials
    }

    /// A function's value here, with its slope in this.
    func map(_ value: Double, slope: Double) -> Gradient { Gradient(value, slope == 0 ? .zero : partials * slope) }

    static func + (left: Gradient, right: Gradient) -> Gradient {
        Gradient(left.value + right.value, left.partials + right.partials)
    }

    static func * (left: Gradient, right: Gradient) -> Gradient {
        Gradient(left.value * right.value, left.partials * right.value + right.partials * left.value)
    }

    static func * (factor: Double, right: Gradient) -> Gradient {
        Gradient(factor * right.value, right.partials * factor)
    }

    var isFinite: Bool { value.isFinite && (0..<4).allSatisfy { partials[$0].isFinite } }
}

extension LossExpression {
    /// Largest argument of an exponential, in a loss file too: e^20 is 5e8, finite in every precision.
    static let largestExponent = 20.0

    /// The loss value and its exact derivatives by forward differentiation, with PyTorch's choices at kinks.
    public func evaluate(at point: PairPoint) -> Gradient {
        switch head {
        case .nats(let feature): Self.feature(feature, constants[0], at: point)
        case .scaled(let feature): Self.feature(feature, constants[0] * point.beta, at: point)
        case .function(let function): apply(function, arguments.map { $0.evaluate(at: point) })
        }
    }

    private static func feature(_ feature: Feature, _ factor: Double, at point: PairPoint) -> Gradient {
        let coefficients = feature.coefficients * factor
        let logps: SIMD4<Double> = [
            point.policyChosen, point.policyRejected, point.referenceChosen, point.referenceRejected,
        ]
        return Gradient((coefficients * logps).sum(), coefficients)
    }

    private func apply(_ function: Function, _ given: [Gradient]) -> Gradient {
        switch function.kind {
        case .loss: applyLoss(function, given)
        case .margin: applyMargin(function, given)
        case .weight: applyWeight(function, given)
        }
    }

    private func applyLoss(_ function: Function, _ given: [Gradient]) -> Gradient {
        switch function {
        case .logistic: return given[0].map(softplus(-given[0].value), slope: -sigmoid(-given[0].value))
        case .sigmoidLoss:
            let value = sigmoid(-given[0].value)
            return given[0].map(value, slope: -value * (1 - value))
        case .hinge: return given[0].map(max(0, 1 - given[0].value), slope: given[0].value < 1 ? -1 : 0)
        case .squaredHinge:
            let gap = max(0, 1 - given[0].value)
            return given[0].map(gap * gap, slope: -2 * gap)
        case .exponential:
            let exponent = min(-given[0].value, Self.largestExponent)
            return given[0].map(exp(exponent), slope: -given[0].value <= Self.largestExponent ? -exp(exponent) : 0)
        case .linear: return -1 * given[0]
        case .square: return given[0].map(given[0].value * given[0].value, slope: 2 * given[0].value)
        case .huber:
            let root = (1 + given[0].value * given[0].value).squareRoot()
            return given[0].map(root - 1, slope: given[0].value / root)
        case .sum: return given[0] + given[1]
        case .scale: return constants[0] * given[0]
        case .weighted: return given[0] * given[1]
        case .mix: return given[0] * given[1] + Gradient(1 - given[0].value, -given[0].partials) * given[2]
        case .least: return extreme(given[0], given[1], first: given[0].value < given[1].value)
        default: return extreme(given[0], given[1], first: given[0].value > given[1].value)
        }
    }

    private func applyMargin(_ function: Function, _ given: [Gradient]) -> Gradient {
        let m = given[0].value
        switch function {
        case .shift: return Gradient(m + constants[0], given[0].partials)
        case .gain: return constants[0] * given[0]
        case .add: return given[0] + given[1]
        case .tanh: return given[0].map(Foundation.tanh(m), slope: 1 - Foundation.tanh(m) * Foundation.tanh(m))
        case .softplus: return given[0].map(Proposer.softplus(m), slope: sigmoid(m))
        case .relu: return given[0].map(max(0, m), slope: m > 0 ? 1 : 0)
        case .abs: return given[0].map(Swift.abs(m), slope: m > 0 ? 1 : m < 0 ? -1 : 0)
        case .clip:
            let inside = m >= constants[0] && m <= constants[1]
            return given[0].map(min(max(m, constants[0]), constants[1]), slope: inside ? 1 : 0)
        case .damp: return given[0] * given[1]
        case .leastMargin: return extreme(given[0], given[1], first: m < given[1].value)
        default: return extreme(given[0], given[1], first: m > given[1].value)
        }
    }

    private func applyWeight(_ function: Function, _ given: [Gradient]) -> Gradient {
        switch function {
        case .level: return Gradient(constants[0])
        case .gate:
            let value = sigmoid(given[0].value)
            return given[0].map(value, slope: value * (1 - value))
        case .bell:
            let value = exp(-given[0].value * given[0].value)
            return given[0].map(value, slope: -2 * given[0].value * value)
        case .complement: return Gradient(1 - given[0].value, -given[0].partials)
        case .held: return Gradient(given[0].value)
        default: return given[0] * given[1]
        }
    }

    /// One of two; equal ones share the derivative, as PyTorch's maximum and minimum do.
    private func extreme(_ left: Gradient, _ right: Gradient, first: Bool) -> Gradient {
        if left.value == right.value { return Gradient(left.value, (left.partials + right.partials) / 2) }
        return first ? left : right
    }
}

/// log(1 + exp(x)) without overflow.
func softplus(_ x: Double) -> Double { max(x, 0) + log1p(exp(-abs(x))) }

func sigmoid(_ x: Double) -> Double { x >= 0 ? 1 / (1 + exp(-x)) : exp(x) / (1 + exp(x)) }
