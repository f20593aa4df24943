/// What a subtree stands for. Random changes put only like in place of like, which keeps most of them sound.
public enum Kind: Sendable, Hashable {
    /// A loss value: to be made small.
    case loss
    /// A number without unit and bound, such as beta * rho.
    case margin
    /// A factor between 0 and 1.
    case weight
}

/// The functions of the grammar, by the name they have in a genome.
public enum Function: String, CaseIterable, Sendable {
    // Losses of one margin m; all but `square` and `huber`, which aim at m = 0, fall as m rises.
    case logistic  // log(1 + exp(-m))
    case sigmoidLoss  // sigmoid(-m)
    case hinge  // max(0, 1 - m)
    case squaredHinge  // max(0, 1 - m)^2
    case exponential  // exp(-m), its argument at most 20
    case linear  // -m
    case square  // m^2
    case huber  // sqrt(1 + m^2) - 1
    // Losses of losses.
    case sum
    case scale  // k * loss
    case weighted  // weight * loss
    case mix  // weight * first + (1 - weight) * second
    case greatest
    case least
    // Margins of margins.
    case shift  // m + k
    case gain  // k * m
    case add
    case tanh
    case softplus
    case relu
    case abs
    case clip  // into [k1, k2]
    case greatestMargin
    case leastMargin
    case damp  // weight * m
    // Weights.
    case level  // k
    case gate  // sigmoid(m)
    case bell  // exp(-m^2)
    case complement  // 1 - weight
    case product
    case held  // the weight as a constant: no derivative through it

    public var kind: Kind {
        switch self {
        case .logistic, .sigmoidLoss, .hinge, .squaredHinge, .exponential, .linear, .square, .huber, .sum, .scale,
            .weighted, .mix, .greatest, .least:
            .loss
        case .shift, .gain, .add, .tanh, .softplus, .relu, .abs, .clip, .greatestMargin, .leastMargin, .damp: .margin
        case .level, .gate, .bell, .complement, .product, .held: .weight
        }
    }

    /// Kinds of the arguments.
    public var arguments: [Kind] {
        switch self {
        case .logistic, .sigmoidLoss, .hinge, .squaredHinge, .exponential, .linear, .square, .huber: [.margin]
        case .sum, .greatest, .least: [.loss, .loss]
        case .scale: [.loss]
        case .weighted: [.weight, .loss]
        case .mix: [.weight, .loss, .loss]
        case .shift, .gain, .tanh, .softplus, .relu, .abs, .clip: [.margin]
        case .add, .greatestMargin, .leastMargin: [.margin, .margin]
        case .damp: [.weight, .margin]
        case .level: []
        case .gate, .bell: [.margin]
        case .complement, .held: [.weight]
        case .product: [.weight, .weight]
        }
    }

    /// Allowed range of each constant.
    public var constants: [ClosedRange<Double>] {
        switch self {
        case .scale: [-20...20]
        case .shift: [-20...20]
        case .gain: [-20...20]
        case .clip: [-20...0, 0...20]
        case .level: [0...1]
        default: []
        }
    }

    /// Functions that may stand in this one's place without touching its arguments.
    var siblings: [Function] {
        guard self != .held, self != .complement else { return [] }
        return Function.allCases.filter {
            $0 != self && $0.kind == kind && $0.arguments == arguments && $0.constants.isEmpty && constants.isEmpty
        }
    }
}
