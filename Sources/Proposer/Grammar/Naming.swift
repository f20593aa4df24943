extension LossExpression {
    /// One to three words that say what kind of loss it is, such as `reference-weighted-sigmoid`.
    var nickname: String { words.joined(separator: "-") }

    /// The same as a title.
    var headline: String {
        let text = words.joined(separator: " ")
        return text.prefix(1).uppercased() + text.dropFirst() + " loss"
    }

    private var words: [String] {
        let weights = nodes.map(\.node).filter { $0.kind == .weight && $0.feature == nil }
        let features = weights.reduce(into: Set<Feature>()) { $0.formUnion($1.features) }
        let policy = features.contains(where: \.dependsOnPolicy)
        let reference = features.contains { !$0.dependsOnPolicy }
        let prefix: [String] =
            if policy && reference { ["jointly", "weighted"] } else if reference {
                ["reference", "weighted"]
            } else if policy {
                ["policy", "weighted"]
            } else { [] }
        let penalties = nodes.compactMap(\.node.function).filter { $0.kind == .loss && $0.arguments == [.margin] }
        return prefix + [penalties.first.map(Self.word) ?? "mixed"] + (Set(penalties).count > 1 ? ["mix"] : [])
    }

    private static func word(for function: Function) -> String {
        switch function {
        case .sigmoidLoss: "sigmoid"
        case .squaredHinge: "quadhinge"
        case .exponential: "exp"
        default: function.rawValue
        }
    }
}
