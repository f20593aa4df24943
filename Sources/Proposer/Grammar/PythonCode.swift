/// A piece of Python with how tightly it binds, so that parentheses stand only where they are needed.
struct PythonCode {
    enum Binding: Int, Comparable {
        case sum
        case product
        case unary
        case power
        case atom

        static func < (left: Binding, right: Binding) -> Bool { left.rawValue < right.rawValue }
    }

    let text: String
    let binding: Binding

    init(_ text: String, _ binding: Binding = .atom) {
        self.text = text
        self.binding = binding
    }

    static func call(_ function: String, _ arguments: String...) -> PythonCode {
        PythonCode("\(function)(\(arguments.joined(separator: ", ")))")
    }

    private var isNegative: Bool { text.hasPrefix("-") }

    private func text(atLeast binding: Binding) -> String { self.binding >= binding ? text : "(\(text))" }

    static prefix func - (code: PythonCode) -> PythonCode {
        if code.isNegative, code.binding >= .product {
            return PythonCode(String(code.text.dropFirst()), code.binding == .unary ? .power : code.binding)
        }
        return PythonCode("-" + code.text(atLeast: .product), code.binding == .product ? .product : .unary)
    }

    static func + (left: PythonCode, right: PythonCode) -> PythonCode {
        right.isNegative
            ? PythonCode("\(left.text) - \(right.text.dropFirst())", .sum)
            : PythonCode("\(left.text) + \(right.text)", .sum)
    }

    static func - (left: PythonCode, right: PythonCode) -> PythonCode {
        left + (right.binding == .sum ? PythonCode("-(\(right.text))", .unary) : -right)
    }

    static func * (left: PythonCode, right: PythonCode) -> PythonCode {
        if left.text == "1" { return right }
        if left.text == "-1" { return -right }
        if right.isNegative, right.binding >= .product { return -(left * -right) }
        return PythonCode("\(left.text(atLeast: .product)) * \(right.text(atLeast: .product))", .product)
    }

    var squared: PythonCode { PythonCode("\(text(atLeast: .atom)) ** 2", .power) }

    var detached: PythonCode { PythonCode("\(text(atLeast: .atom)).detach()") }

    static func number(_ value: Double) -> PythonCode { PythonCode(decimal(value), value < 0 ? .unary : .atom) }
}

/// The body of a loss function: assignments in the order they are needed, equal subtrees computed once.
struct PythonBlock {
    private(set) var lines: [String] = []
    private var names: [LossExpression: String] = [:]
    private var counts: [String: Int] = [:]
    private let namesValues: Bool

    /// - Parameter namesValues: whether intermediate values get lines of their own.
    init(namesValues: Bool = true) {
        self.namesValues = namesValues
    }

    /// Python for a value: in place, or the name of a line added for it.
    mutating func value(of node: LossExpression, outermost: Bool = false) -> PythonCode {
        if let known = names[node] { return PythonCode(known) }
        let code = inline(node)
        guard namesValues, !outermost, let stem = stem(for: node) else { return code }
        let count = (counts[stem] ?? 0) + 1
        counts[stem] = count
        let name = count == 1 ? stem : "\(stem)_\(count)"
        lines.append("\(name) = \(code.text)")
        names[node] = name
        return PythonCode(name)
    }

    /// What to call a value, or `nil` for one that reads better in place.
    private func stem(for node: LossExpression) -> String? {
        switch node.function {
        case nil, .shift, .gain, .level, .complement, .scale, .linear: nil
        case .gate, .bell, .product, .held: "weight"
        case .some(let function) where function.kind == .margin: "margin"
        case .weighted, .mix, .sum: "term"
        default: "penalty"
        }
    }

    private mutating func inline(_ node: LossExpression) -> PythonCode {
        switch node.head {
        case .nats(let feature): return .number(node.constants[0]) * PythonCode(feature.pythonName)
        case .scaled(let feature):
            return .number(node.constants[0]) * PythonCode("beta * " + feature.pythonName, .product)
        case .function(let function):
            let given = node.arguments.map { value(of: $0) }
            return switch function.kind {
            case .loss: loss(function, node.constants, given)
            case .margin: margin(function, node.constants, given)
            case .weight: weight(function, node.constants, given)
            }
        }
    }

    private func loss(_ function: Function, _ k: [Double], _ given: [PythonCode]) -> PythonCode {
        let one = PythonCode.number(1)
        return switch function {
        case .logistic: -PythonCode.call("F.logsigmoid", given[0].text)
        case .sigmoidLoss: .call("torch.sigmoid", (-given[0]).text)
        case .hinge: .call("torch.relu", (one - given[0]).text)
        case .squaredHinge: PythonCode.call("torch.relu", (one - given[0]).text).squared
        case .exponential:
            .call("torch.exp", "torch.clamp(\((-given[0]).text), max=\(decimal(LossExpression.largestExponent)))")
        case .linear: -given[0]
        case .square: given[0].squared
        case .huber: .call("torch.sqrt", (one + given[0].squared).text) - one
        case .sum: given[0] + given[1]
        case .scale: .number(k[0]) * given[0]
        case .mix: given[0] * given[1] + (one - given[0]) * given[2]
        case .greatest: .call("torch.maximum", given[0].text, given[1].text)
        case .least: .call("torch.minimum", given[0].text, given[1].text)
        default: given[0] * given[1]
        }
    }

    private func margin(_ function: Function, _ k: [Double], _ given: [PythonCode]) -> PythonCode {
        switch function {
        case .shift: given[0] + .number(k[0])
        case .gain: .number(k[0]) * given[0]
        case .add: given[0] + given[1]
        case .tanh: .call("torch.tanh", given[0].text)
        case .softplus: .call("F.softplus", given[0].text)
        case .relu: .call("torch.relu", given[0].text)
        case .abs: .call("torch.abs", given[0].text)
        case .clip: .call("torch.clamp", given[0].text, decimal(k[0]), decimal(k[1]))
        case .greatestMargin: .call("torch.maximum", given[0].text, given[1].text)
        case .leastMargin: .call("torch.minimum", given[0].text, given[1].text)
        default: given[0] * given[1]
        }
    }

    private func weight(_ function: Function, _ k: [Double], _ given: [PythonCode]) -> PythonCode {
        switch function {
        case .level: .number(k[0])
        case .gate: .call("torch.sigmoid", given[0].text)
        case .bell: .call("torch.exp", (-given[0].squared).text)
        case .complement: PythonCode.number(1) - given[0]
        case .held: given[0].detached
        default: given[0] * given[1]
        }
    }
}
