import Foundation

/// A genome is an expression as nested JSON lists: name, constants, arguments, as in `["logistic", ["beta rho", 1]]`.
extension LossExpression: Codable {
    public init(from decoder: any Decoder) throws {
        var list = try decoder.unkeyedContainer()
        let name = try list.decode(String.self)
        guard let head = Head(name: name) else {
            throw DecodingError.dataCorruptedError(in: list, debugDescription: "the grammar has no \(name)")
        }
        let constantCount: Int =
            if case .function(let function) = head { function.constants.count } else { 1 }
        let constants = try (0..<constantCount).map { _ in try list.decode(Double.self) }
        var arguments: [LossExpression] = []
        while !list.isAtEnd { arguments.append(try list.decode(LossExpression.self)) }
        self.init(head, constants: constants, arguments: arguments)
        guard isWellFormed else {
            throw DecodingError.dataCorruptedError(
                in: list, debugDescription: "wrong arguments or constants for \(name)")
        }
    }

    public func encode(to encoder: any Encoder) throws {
        var list = encoder.unkeyedContainer()
        try list.encode(head.name)
        for constant in constants { try list.encode(constant) }
        for argument in arguments { try list.encode(argument) }
    }

    /// The genome as one line of JSON.
    public var genome: String {
        let data = try? JSONEncoder().encode(self)
        return data.map { String(decoding: $0, as: UTF8.self) } ?? ""
    }

    /// Nesting that is refused before it is decoded; far beyond what the size limits allow.
    private static let deepestGenome = 64

    /// The expression of a genome, or `nil` for text that is none.
    public init?(genome: String) {
        var depth = 0
        for character in genome.utf8 {
            if character == UInt8(ascii: "[") { depth += 1 } else if character == UInt8(ascii: "]") { depth -= 1 }
            guard depth <= Self.deepestGenome else { return nil }
        }
        guard let expression = try? JSONDecoder().decode(LossExpression.self, from: Data(genome.utf8)) else {
            return nil
        }
        self = expression
    }
}

extension LossExpression.Head {
    private static let betaPrefix = "beta "

    init?(name: String) {
        if let function = Function(rawValue: name) {
            self = .function(function)
        } else if let feature = Feature(rawValue: name) {
            self = .nats(feature)
        } else if name.hasPrefix(Self.betaPrefix), let feature = Feature(rawValue: String(name.dropFirst(5))) {
            self = .scaled(feature)
        } else {
            return nil
        }
    }

    var name: String {
        switch self {
        case .nats(let feature): feature.rawValue
        case .scaled(let feature): Self.betaPrefix + feature.rawValue
        case .function(let function): function.rawValue
        }
    }
}
