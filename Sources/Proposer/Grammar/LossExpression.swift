/// A loss as a typed tree: what the grammar proposer searches over, and the genome that candidates carry.
public struct LossExpression: Hashable, Sendable {
    public enum Head: Hashable, Sendable {
        /// A feature in nats times a constant.
        case nats(Feature)
        /// A feature times a constant times beta.
        case scaled(Feature)
        case function(Function)
    }

    public let head: Head
    /// The function's constants, or a feature's factor.
    public let constants: [Double]
    public let arguments: [LossExpression]

    public init(_ head: Head, constants: [Double], arguments: [LossExpression] = []) {
        self.head = head
        self.constants = constants
        self.arguments = arguments
    }

    /// A call such as `.call(.hinge, .beta(.rho))`.
    public static func call(_ function: Function, _ arguments: LossExpression...) -> LossExpression {
        LossExpression(.function(function), constants: [], arguments: arguments)
    }

    /// A call with constants.
    public static func call(_ function: Function, _ constants: [Double], _ arguments: LossExpression...)
        -> LossExpression
    {
        LossExpression(.function(function), constants: constants, arguments: arguments)
    }

    /// `factor * beta * feature`.
    public static func beta(_ feature: Feature, _ factor: Double = 1) -> LossExpression {
        LossExpression(.scaled(feature), constants: [factor])
    }

    /// `factor * feature`.
    public static func nats(_ feature: Feature, _ factor: Double) -> LossExpression {
        LossExpression(.nats(feature), constants: [factor])
    }

    public var kind: Kind {
        guard case .function(let function) = head else { return .margin }
        return function.kind
    }

    public var function: Function? {
        guard case .function(let function) = head else { return nil }
        return function
    }

    public var feature: Feature? {
        switch head {
        case .nats(let feature), .scaled(let feature): feature
        case .function: nil
        }
    }

    /// Number of nodes.
    public var size: Int { arguments.reduce(1) { $0 + $1.size } }
    /// Nodes on the longest way down.
    public var depth: Int { 1 + (arguments.map(\.depth).max() ?? 0) }

    public var dependsOnPolicy: Bool { feature?.dependsOnPolicy ?? arguments.contains(where: \.dependsOnPolicy) }

    var features: Set<Feature> {
        arguments.reduce(into: Set([feature].compactMap(\.self))) { $0.formUnion($1.features) }
    }

    func with(constants: [Double]) -> LossExpression {
        LossExpression(head, constants: constants, arguments: arguments)
    }
    func with(arguments: [LossExpression]) -> LossExpression {
        LossExpression(head, constants: constants, arguments: arguments)
    }

    /// Whether kinds fit and constants are in range everywhere.
    public var isWellFormed: Bool {
        switch head {
        case .nats, .scaled:
            return arguments.isEmpty && constants.count == 1 && Self.featureFactors.contains(Swift.abs(constants[0]))
        case .function(let function):
            return function.arguments == arguments.map(\.kind) && function.constants.count == constants.count
                && zip(function.constants, constants).allSatisfy { $0.contains($1) }
                && arguments.allSatisfy(\.isWellFormed)
        }
    }

    /// Allowed size of a feature's factor.
    static let featureFactors = 1e-4...100.0
}

extension LossExpression {
    /// The way from the root to a node: which argument to take at each step.
    typealias Path = [Int]

    /// All nodes with their ways, the root first.
    var nodes: [(path: Path, node: LossExpression)] {
        [([], self)]
            + arguments.enumerated().flatMap { index, argument in
                argument.nodes.map { (path: [index] + $0.path, node: $0.node) }
            }
    }

    subscript(path: Path) -> LossExpression { path.reduce(self) { $0.arguments[$1] } }

    func replacing(_ path: Path, with other: LossExpression) -> LossExpression {
        guard let first = path.first else { return other }
        var changed = arguments
        changed[first] = arguments[first].replacing(Array(path.dropFirst()), with: other)
        return with(arguments: changed)
    }
}
