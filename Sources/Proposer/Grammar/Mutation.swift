import LabCore

/// One random change of a loss. The result is well-formed; whether it is sound is asked elsewhere.
enum Mutation: String, CaseIterable {
    /// Every constant a little, at least one.
    case jitter
    /// One function or feature for a like one.
    case point
    /// A new subtree in place of an old one.
    case subtree
    /// A function around a margin or a loss.
    case wrap
    /// A term of the loss, or a margin, weighted by what reference or policy think of the pair.
    case weightInsertion
    /// One more term.
    case addition

    /// Weights come first: with structured labels the losses that won in the feasibility study were weighted ones.
    private static let weights: [(Mutation, Double)] = [
        (.weightInsertion, 0.3), (.jitter, 0.18), (.point, 0.14), (.addition, 0.14), (.subtree, 0.12), (.wrap, 0.12),
    ]

    static func random(using random: inout RandomExpression) -> Mutation { random.pick(weights) }

    /// The changed loss, or `nil` where this change does not apply.
    func apply(to loss: LossExpression, using random: inout RandomExpression) -> LossExpression? {
        switch self {
        case .jitter: Self.jitter(loss, using: &random)
        case .point: Self.point(loss, using: &random)
        case .subtree: Self.subtree(loss, using: &random)
        case .wrap: Self.wrap(loss, using: &random)
        case .weightInsertion: Self.insertWeight(loss, using: &random)
        case .addition: .call(.sum, loss, .call(.scale, [random.between(0.1, 2)], random.penalty(depth: 2)))
        }
    }

    private static func jitter(_ loss: LossExpression, using random: inout RandomExpression) -> LossExpression? {
        let places = loss.nodes.filter { !$0.node.constants.isEmpty }
        guard !places.isEmpty else { return nil }
        let chosen = random.index(below: places.count)
        var changed = loss
        for (index, place) in places.enumerated() where index == chosen || random.chance(0.3) {
            let constants = place.node.constants.enumerated().map { position, constant in
                jittered(constant, of: place.node, at: position, using: &random)
            }
            // Constants do not move nodes, so the way to the next place stays right.
            changed = changed.replacing(place.path, with: changed[place.path].with(constants: constants))
        }
        return changed
    }

    /// Shifts move by about a half, levels stay within 0 and 1, everything else changes by about 40 per cent.
    private static func jittered(
        _ constant: Double, of node: LossExpression, at position: Int, using random: inout RandomExpression
    ) -> Double {
        switch node.function {
        case .shift: clamp(constant + 0.5 * random.generator.normal(), -20, 20)
        case .level: clamp(constant + 0.2 * random.generator.normal(), 0.05, 0.95)
        case .scale, .gain, .clip: clamp(constant * random.between(0.5, 2), -20, 20)
        default: clamp(constant * random.between(0.5, 2), -50, 50)
        }
    }

    private static func clamp(_ value: Double, _ low: Double, _ high: Double) -> Double {
        rounded(min(max(value, low), high))
    }

    private static func point(_ loss: LossExpression, using random: inout RandomExpression) -> LossExpression? {
        let places = loss.nodes.filter { $0.node.feature != nil || $0.node.function?.siblings.isEmpty == false }
        guard !places.isEmpty else { return nil }
        let place = places[random.index(below: places.count)]
        let node = place.node
        if let siblings = node.function?.siblings {
            let other = siblings[random.index(below: siblings.count)]
            return loss.replacing(
                place.path, with: LossExpression(.function(other), constants: [], arguments: node.arguments))
        }
        // A feature keeps its direction: what asked for a better policy still does.
        let feature = Feature.allCases[random.index(below: Feature.allCases.count)]
        guard feature != node.feature, let old = node.feature else { return nil }
        let turned = old.orientation * feature.orientation < 0 ? -node.constants[0] : node.constants[0]
        let head: LossExpression.Head = if case .scaled = node.head { .scaled(feature) } else { .nats(feature) }
        return loss.replacing(place.path, with: LossExpression(head, constants: [turned]))
    }

    private static func subtree(_ loss: LossExpression, using random: inout RandomExpression) -> LossExpression? {
        let places = loss.nodes
        let place = places[random.index(below: places.count)]
        return loss.replacing(place.path, with: random.expression(place.node.kind, depth: min(3, place.node.depth + 1)))
    }

    private static func wrap(_ loss: LossExpression, using random: inout RandomExpression) -> LossExpression? {
        let places = loss.nodes.filter { $0.node.kind == .margin }
        guard !places.isEmpty else { return nil }
        let place = places[random.index(below: places.count)]
        let wrapped: LossExpression =
            switch random.pick([("shift", 0.35), ("squash", 0.4), ("add", 0.25)]) {
            case "shift": .call(.shift, [rounded(random.generator.normal())], place.node)
            case "add": .call(.add, place.node, random.policyFeature())
            default: random.squashed(place.node)
            }
        return loss.replacing(place.path, with: wrapped)
    }

    /// Mostly the whole loss or one of its terms; sometimes a margin, or a mixture with another loss of the same margin.
    private static func insertWeight(_ loss: LossExpression, using random: inout RandomExpression) -> LossExpression? {
        let kind: Kind = random.chance(0.8) ? .loss : .margin
        let places = loss.nodes.filter { $0.node.kind == kind }
        guard !places.isEmpty else { return nil }
        let place = places[kind == .loss && random.chance(0.5) ? 0 : random.index(below: places.count)]
        let weight = random.weight(depth: 3)
        let weighted: LossExpression =
            if kind == .margin {
                .call(.damp, weight, place.node)
            } else if random.chance(0.25) {
                .call(.mix, weight, place.node, random.penalty(depth: 2))
            } else {
                .call(.weighted, weight, place.node)
            }
        return loss.replacing(place.path, with: weighted)
    }
}

/// Changes that need two losses, or that take away.
enum Recombination {
    /// The first with one subtree from the second in place of a like one, or `nil` where they share no kind.
    static func crossover(
        _ first: LossExpression, _ second: LossExpression, using random: inout RandomExpression
    ) -> LossExpression? {
        let places = first.nodes
        let place = places[random.index(below: places.count)]
        let donors = second.nodes.filter { $0.node.kind == place.node.kind }
        guard !donors.isEmpty else { return nil }
        return first.replacing(place.path, with: donors[random.index(below: donors.count)].node)
    }

    /// One node replaced by one of its arguments of the same kind: a term, a weight or a bend less.
    static func pruned(_ loss: LossExpression, using random: inout RandomExpression) -> LossExpression? {
        let choices = loss.nodes.flatMap { place in
            place.node.arguments.filter { $0.kind == place.node.kind }.map { (path: place.path, shorter: $0) }
        }
        guard !choices.isEmpty else { return nil }
        let choice = choices[random.index(below: choices.count)]
        return loss.replacing(choice.path, with: choice.shorter)
    }
}
