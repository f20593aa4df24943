/// Catalogue losses in the grammar, so that a search starts from what the field has found.
///
/// Losses that read their batch (`kto_pair`, `bco_pair`, `aot`, `aql`, `aqfl`, `dbaql`) or that compare with a hard
/// condition (`padll`, `pfl`) cannot be written in it; for three of them the nearest loss that can is a start.
public enum CatalogueGenomes {
    /// Expressions equal to the catalogue loss of that name, up to an added constant and a positive factor.
    public static let exact: [String: LossExpression] = [
        "dpo": dpo,
        "cdpo": .call(.sum, .call(.scale, [0.9], dpo), .call(.scale, [0.1], dpoReversed)),
        "robust": .call(.sum, .call(.scale, [0.9], dpo), .call(.scale, [-0.1], dpoReversed)),
        "rpo": .call(.sum, dpo, .call(.scale, [0.5], .call(.linear, .beta(.policyChosen)))),
        "sft": .call(.linear, .beta(.policyChosen)),
        "slic": .call(.hinge, .beta(.rho)),
        "exponential": .call(.exponential, .beta(.rho)),
        "ipo": .call(.square, .call(.shift, [-0.5], .beta(.rho))),
        "sppo_hard": .call(
            .sum, .call(.square, .call(.shift, [-0.5], .beta(.chosenRatio))),
            .call(.square, .call(.shift, [0.5], .beta(.rejectedRatio)))),
        "apo_zero": apoZero,
        "apo_down": .call(
            .sum, .call(.sigmoidLoss, .beta(.chosenRatio, -1)), .call(.sigmoidLoss, .beta(.rho))),
        "nca_pair": .call(
            .sum, .call(.logistic, .beta(.chosenRatio)),
            .call(
                .scale, [0.5],
                .call(
                    .sum, .call(.logistic, .beta(.chosenRatio, -1)), .call(.logistic, .beta(.rejectedRatio, -1))))),
        "cell": .call(.sum, dpo, .call(.exponential, .beta(.rho))),
        "lrml": .call(.mix, .call(.gate, .beta(.rho, 20)), .call(.exponential, .beta(.rho)), dpo),
        "lrml_discovered": .call(.mix, .call(.gate, .nats(.rho, 1)), .call(.exponential, .beta(.rho)), dpo),
    ]

    /// The nearest loss of the grammar to one that cannot be written in it.
    public static let nearest: [String: LossExpression] = [
        // Without the KL estimates from the batch, which are zero at the start of training, KTO's pair is APO-zero.
        "kto_pair": apoZero,
        // Without the running mean of rewards.
        "bco_pair": .call(
            .sum, .call(.logistic, .beta(.chosenRatio)), .call(.logistic, .beta(.rejectedRatio, -1))),
        // With a soft step in place of the sign of rho: half the weight where the pair is ordered wrongly.
        "padll": .call(
            .sum, dpo, .call(.weighted, .call(.gate, .beta(.rho, 10)), dpo)),
    ]

    /// Where one-step changes and a search without usable parents start, in a fixed order.
    public static let starts: [(name: String, loss: LossExpression)] = {
        let names = [
            "apo_down", "apo_zero", "bco_pair", "cdpo", "cell", "dpo", "exponential", "ipo", "lrml", "nca_pair",
            "robust",
            "rpo", "slic", "sppo_hard",
        ]
        return names.compactMap { name in start(name).map { (name, $0) } }
    }()

    /// Losses of the catalogue that no proposal should repeat, its controls included.
    static let known: [LossExpression] =
        starts.map(\.loss) + [
            .call(.linear, .beta(.policyChosen)), .call(.linear, .beta(.rho)), .call(.logistic, .beta(.policyMargin)),
        ]

    /// The expression to start from for a catalogue loss, exact or nearest.
    public static func start(_ name: String) -> LossExpression? { exact[name] ?? nearest[name] }

    private static let dpo = LossExpression.call(.logistic, .beta(.rho))
    private static let dpoReversed = LossExpression.call(.logistic, .beta(.rho, -1))
    private static let apoZero = LossExpression.call(
        .sum, .call(.sigmoidLoss, .beta(.chosenRatio)), .call(.sigmoidLoss, .beta(.rejectedRatio, -1)))
}
