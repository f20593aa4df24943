import LabCore

/// Draws expressions whose signs and sizes make sense more often than not.
struct RandomExpression {
    var generator: SeededGenerator

    init(generator: SeededGenerator) {
        self.generator = generator
    }

    /// One of several, by weight.
    mutating func pick<Choice>(_ choices: [(Choice, Double)]) -> Choice {
        var point = generator.uniform() * choices.reduce(0) { $0 + $1.1 }
        for (choice, weight) in choices {
            point -= weight
            if point < 0 { return choice }
        }
        return choices[choices.count - 1].0
    }

    mutating func index(below count: Int) -> Int { Int(generator.next() >> 11) % count }

    mutating func chance(_ probability: Double) -> Bool { generator.uniform() < probability }

    /// Positive, even in its logarithm.
    mutating func between(_ low: Double, _ high: Double) -> Double {
        rounded(low * power(high / low, generator.uniform()))
    }

    mutating func expression(_ kind: Kind, depth: Int) -> LossExpression {
        switch kind {
        case .loss: loss(depth: depth)
        case .margin: margin(depth: depth)
        case .weight: weight(depth: depth)
        }
    }

    /// A loss of at most about `depth` levels.
    mutating func loss(depth: Int) -> LossExpression {
        guard depth > 2 else { return penalty(depth: depth) }
        switch pick([("penalty", 0.4), ("sum", 0.25), ("weighted", 0.2), ("mix", 0.1), ("extreme", 0.05)]) {
        case "sum":
            let second = loss(depth: depth - 2)
            return .call(.sum, loss(depth: depth - 1), .call(.scale, [between(0.1, 2)], second))
        case "weighted": return .call(.weighted, weight(depth: depth - 1), loss(depth: depth - 1))
        case "mix":
            return .call(.mix, weight(depth: depth - 1), penalty(depth: depth - 1), penalty(depth: depth - 1))
        case "extreme":
            return .call(chance(0.5) ? .greatest : .least, penalty(depth: depth - 1), penalty(depth: depth - 1))
        default: return penalty(depth: depth)
        }
    }

    /// A function of one margin; those that aim at a point get one to aim at.
    mutating func penalty(depth: Int) -> LossExpression {
        let function = pick([
            (Function.logistic, 0.28), (.sigmoidLoss, 0.28), (.hinge, 0.12), (.exponential, 0.07), (.square, 0.08),
            (.huber, 0.08), (.squaredHinge, 0.05), (.linear, 0.04),
        ])
        let inner = margin(depth: depth - 1)
        guard function == .square || function == .huber else { return .call(function, inner) }
        return .call(function, .call(.shift, [-between(0.2, 3)], inner))
    }

    /// A margin that rises as the policy gets better.
    mutating func margin(depth: Int) -> LossExpression {
        guard depth > 1, chance(0.45) else { return policyFeature() }
        let inner = margin(depth: depth - 1)
        switch pick([("shift", 0.3), ("squash", 0.3), ("add", 0.15), ("damp", 0.15), ("extreme", 0.1)]) {
        case "shift": return .call(.shift, [rounded(generator.normal())], inner)
        case "add": return .call(.add, inner, policyFeature())
        case "damp": return .call(.damp, weight(depth: depth - 1), inner)
        case "extreme": return .call(chance(0.5) ? .greatestMargin : .leastMargin, inner, policyFeature())
        default: return squashed(inner)
        }
    }

    mutating func squashed(_ inner: LossExpression) -> LossExpression {
        switch pick([(Function.clip, 0.4), (.tanh, 0.3), (.softplus, 0.15), (.relu, 0.1), (.abs, 0.05)]) {
        case .clip: .call(.clip, [-between(0.5, 10), between(0.5, 10)], inner)
        case let function: .call(function, inner)
        }
    }

    /// A feature of the policy, scaled by beta and with its sign towards a better policy.
    mutating func policyFeature() -> LossExpression {
        let feature = pick([
            (Feature.rho, 0.4), (.chosenRatio, 0.22), (.rejectedRatio, 0.22), (.policyMargin, 0.06),
            (.policyChosen, 0.05), (.policyRejected, 0.05),
        ])
        let factor = chance(0.6) ? 1 : between(0.25, 4)
        return .beta(feature, factor * feature.orientation)
    }

    /// A factor from anything a loss may look at; most often the reference's or the policy's opinion of the pair.
    mutating func weight(depth: Int) -> LossExpression {
        let weight = freeWeight(depth: depth)
        // A weight from the policy may be held: it then says how much a pair counts and is no goal by itself.
        return weight.dependsOnPolicy && weight.function != .held && chance(0.4) ? .call(.held, weight) : weight
    }

    private mutating func freeWeight(depth: Int) -> LossExpression {
        guard depth > 2, chance(0.25) else { return gate() }
        switch pick([("complement", 0.3), ("product", 0.4), ("bell", 0.3)]) {
        case "complement": return .call(.complement, weight(depth: depth - 1))
        case "product": return .call(.product, gate(), gate())
        default: return .call(.bell, difference())
        }
    }

    /// A soft step: along a difference from about its zero, along one log-probability from some usual length of answer.
    mutating func gate() -> LossExpression {
        let inner = anyFeature()
        guard let feature = inner.feature, feature.coefficients.sum() == 0 else {
            let usual = between(10, 300)  // nats
            let slope = between(1, 6) / usual * (chance(0.5) ? 1 : -1)
            let feature = inner.feature ?? .referenceChosen
            return .call(.gate, .call(.shift, [rounded(slope * usual)], .nats(feature, rounded(slope))))
        }
        return .call(.gate, chance(0.5) ? .call(.shift, [rounded(generator.normal())], inner) : inner)
    }

    /// Any feature with any sign: in nats, or scaled by beta.
    mutating func anyFeature() -> LossExpression {
        guard chance(0.25) else { return difference() }
        let single: [Feature] = [.referenceChosen, .referenceRejected, .policyChosen, .policyRejected]
        return signed(single[index(below: single.count)])
    }

    /// A difference of log-probabilities with any sign; most often what the untrained policy thinks of the label.
    mutating func difference() -> LossExpression {
        signed(
            pick([
                (Feature.referenceMargin, 0.4), (.policyMargin, 0.15), (.chosenRatio, 0.15), (.rejectedRatio, 0.15),
                (.rho, 0.15),
            ]))
    }

    /// Two in three agree with the label: more weight, say, where the reference too prefers chosen.
    private mutating func signed(_ feature: Feature) -> LossExpression {
        let agrees = feature == .rejectedRatio || feature == .referenceRejected || feature == .policyRejected ? -1.0 : 1
        let sign = chance(0.67) ? agrees : -agrees
        return chance(0.6) ? .beta(feature, sign * between(0.25, 4)) : .nats(feature, sign * between(0.01, 0.3))
    }
}

/// `base` to a power between 0 and 1, by repeated square roots: the same bits on every platform, unlike `pow`.
private func power(_ base: Double, _ exponent: Double) -> Double {
    var result = 1.0
    var root = base
    var rest = exponent
    for _ in 0..<30 {
        root = root.squareRoot()
        rest *= 2
        if rest >= 1 {
            result *= root
            rest -= 1
        }
    }
    return result
}
