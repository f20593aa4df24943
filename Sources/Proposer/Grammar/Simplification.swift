extension LossExpression {
    /// The same loss, up to an added constant, a positive factor and a factor of beta, in a smaller or more usual form.
    ///
    /// Training does not see them: the optimiser removes a factor, and beta is tuned. Constants have three digits.
    public func simplified() -> LossExpression { simplifiedForm.withUnitBeta }

    /// The same with beta's factors as they are.
    var simplifiedForm: LossExpression {
        var current = self
        // Each pass shrinks the tree or moves a constant up; the bound is for safety only.
        for _ in 0..<20 {
            let next = current.simplifiedOnce().withoutFactor.withoutIdleParts
            if next == current { break }
            current = next
        }
        return current
    }

    /// The loss with beta's own factor taken out: a common factor of all that beta scales is only another beta, and beta is
    /// tuned for every loss alike. The first margin that is no part of a weight gets factor 1.
    private var withUnitBeta: LossExpression {
        let scaled = nodes.filter { $0.node.isScaled && $0.node.dependsOnPolicy }
        let outside = scaled.first { place in
            !place.path.indices.contains { self[Array(place.path.prefix($0))].kind == .weight }
        }
        guard let unit = (outside ?? scaled.first).map({ Swift.abs($0.node.constants[0]) }), unit != 1 else {
            return self
        }
        return dividingBeta(by: unit) ?? self
    }

    private func dividingBeta(by unit: Double) -> LossExpression? {
        if isScaled {
            let factor = rounded(constants[0] / unit)
            return Self.featureFactors.contains(Swift.abs(factor)) ? with(constants: [factor]) : nil
        }
        let divided = arguments.compactMap { $0.dividingBeta(by: unit) }
        return divided.count == arguments.count ? with(arguments: divided) : nil
    }

    private func simplifiedOnce() -> LossExpression {
        guard let function else { return self }
        let inner = with(arguments: arguments.map { $0.simplifiedOnce() })
        return switch function.kind {
        case .loss: inner.simplifiedLoss(function)
        case .margin: inner.simplifiedMargin(function)
        case .weight: inner.simplifiedWeight(function)
        }
    }

    /// A loss without its positive factor, at the root only.
    private var withoutFactor: LossExpression {
        function == .scale && constants[0] > 0 ? arguments[0] : self
    }

    private func simplifiedLoss(_ function: Function) -> LossExpression {
        switch function {
        case .scale:
            if constants[0] == 1 { return arguments[0] }
            guard arguments[0].function == .scale else { return self }
            return .scaled(constants[0] * arguments[0].constants[0], arguments[0].arguments[0])
        case .sum: return simplifiedSum
        case .weighted:
            if arguments[0].function == .level { return .scaled(arguments[0].constants[0], arguments[1]) }
            guard arguments[1].function == .scale else { return self }
            return .scaled(arguments[1].constants[0], .call(.weighted, arguments[0], arguments[1].arguments[0]))
        case .mix:
            if arguments[1] == arguments[2] { return arguments[1] }
            guard arguments[0].function == .level else { return self }
            let level = arguments[0].constants[0]
            return .call(.sum, .scaled(level, arguments[1]), .scaled(1 - level, arguments[2]))
        case .greatest, .least: return arguments[0] == arguments[1] ? arguments[0] : self
        default: return self
        }
    }

    /// Terms and offsets that no derivative of the policy sees.
    ///
    /// Not below a weight that the policy moves: there an offset sets the weight's own pull.
    private var withoutIdleParts: LossExpression {
        switch function {
        case .sum:
            let terms = arguments.filter(\.teaches)
            guard terms.count == 2 else { return (terms.first ?? arguments[0]).withoutIdleParts }
            return with(arguments: terms.map(\.withoutIdleParts))
        case .scale: return with(arguments: [arguments[0].withoutIdleParts])
        case .weighted where !arguments[0].teaches, .mix where !arguments[0].teaches:
            return with(arguments: [arguments[0]] + arguments.dropFirst().map(\.withoutIdleParts))
        case .linear where arguments[0].function == .shift: return .call(.linear, arguments[0].arguments[0])
        default: return self
        }
    }

    /// Whether the policy has a derivative here: it takes part, and not only in held weights.
    private var teaches: Bool {
        function == .held ? false : feature?.dependsOnPolicy ?? arguments.contains(where: \.teaches)
    }

    /// Terms without weight go; equal terms are one; a common factor goes outside.
    private var simplifiedSum: LossExpression {
        let terms = arguments.filter { !($0.function == .scale && $0.constants[0] == 0) }
        guard terms.count == 2 else { return terms.first ?? arguments[0] }
        let (left, right) = (terms[0].split, terms[1].split)
        if left.term == right.term { return .scaled(left.factor + right.factor, left.term) }
        if left.factor == right.factor, left.factor != 1 {
            return .scaled(left.factor, .call(.sum, left.term, right.term))
        }
        return self
    }

    /// A term as its factor and the rest.
    private var split: (factor: Double, term: LossExpression) {
        function == .scale ? (constants[0], arguments[0]) : (1, self)
    }

    private static func scaled(_ factor: Double, _ loss: LossExpression) -> LossExpression {
        factor == 1 ? loss : .call(.scale, [rounded(factor)], loss)
    }

    private func simplifiedMargin(_ function: Function) -> LossExpression {
        switch function {
        case .shift:
            if constants[0] == 0 { return arguments[0] }
            guard arguments[0].function == .shift else { return self }
            return .call(.shift, [rounded(constants[0] + arguments[0].constants[0])], arguments[0].arguments[0])
        case .gain: return arguments[0].times(constants[0]) ?? self
        case .add: return simplifiedAddition
        case .softplus, .relu:
            return arguments[0].function == .relu || (function == .relu && arguments[0].function == .softplus)
                ? arguments[0] : self
        case .abs: return [.relu, .softplus, .abs].contains(arguments[0].function) ? arguments[0] : self
        case .greatestMargin, .leastMargin: return arguments[0] == arguments[1] ? arguments[0] : self
        case .damp:
            return arguments[0].function == .level
                ? .call(.gain, [arguments[0].constants[0]], arguments[1]) : self
        default: return self
        }
    }

    /// A margin times a constant, where the constant can be taken inside.
    private func times(_ factor: Double) -> LossExpression? {
        if factor == 1 { return self }
        if feature != nil {
            let product = rounded(factor * constants[0])
            return Self.featureFactors.contains(Swift.abs(product)) ? with(constants: [product]) : nil
        }
        guard function == .gain else { return nil }
        let product = rounded(factor * constants[0])
        return Swift.abs(product) <= 20 ? .call(.gain, [product], arguments[0]) : nil
    }

    /// Two features with one factor become one feature where the lab has a word for it: c - r is rho.
    private var simplifiedAddition: LossExpression {
        guard let left = arguments[0].feature, let right = arguments[1].feature,
            arguments[0].isScaled == arguments[1].isScaled
        else { return self }
        let sum = left.coefficients * arguments[0].constants[0] + right.coefficients * arguments[1].constants[0]
        for feature in Feature.allCases {
            let own = feature.coefficients
            let factor = (sum * own).sum() / (own * own).sum()
            let rest = sum - own * factor
            guard (rest * rest).sum() < 1e-18, Self.featureFactors.contains(Swift.abs(factor)) else { continue }
            return arguments[0].isScaled ? .beta(feature, rounded(factor)) : .nats(feature, rounded(factor))
        }
        return self
    }

    private var isScaled: Bool {
        if case .scaled = head { return true }
        return false
    }

    private func simplifiedWeight(_ function: Function) -> LossExpression {
        switch function {
        case .complement:
            switch arguments[0].function {
            case .complement: return arguments[0].arguments[0]
            case .level: return .call(.level, [rounded(1 - arguments[0].constants[0])])
            case .gate: return arguments[0].arguments[0].times(-1).map { .call(.gate, $0) } ?? self
            default: return self
            }
        case .held:
            return arguments[0].function == .held || !arguments[0].dependsOnPolicy ? arguments[0] : self
        case .product where arguments[0].function == .level && arguments[1].function == .level:
            return .call(.level, [rounded(arguments[0].constants[0] * arguments[1].constants[0])])
        default: return self
        }
    }
}

/// Three significant digits: what a reader can keep in mind, and far finer than training can tell apart.
func rounded(_ value: Double) -> Double {
    guard value != 0, value.isFinite else { return value }
    var unit = 1.0
    while Swift.abs(value) / unit >= 1000 { unit *= 10 }
    while Swift.abs(value) / unit < 100 { unit /= 10 }
    // Dividing by a whole power gives the nearest double to the decimal; multiplying by a fraction would not.
    return unit >= 1 ? (value / unit).rounded() * unit : (value / unit).rounded() / (1 / unit).rounded()
}
