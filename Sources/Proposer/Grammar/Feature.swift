/// What a loss may look at: the four log-probabilities and their differences, in nats.
public enum Feature: String, CaseIterable, Sendable {
    case policyChosen
    case policyRejected
    case referenceChosen
    case referenceRejected
    /// Policy less reference on the chosen completion: c.
    case chosenRatio
    /// The same on the rejected completion: r.
    case rejectedRatio
    /// c - r.
    case rho
    /// Policy chosen less policy rejected.
    case policyMargin
    /// Reference chosen less reference rejected: what the untrained policy thinks of the label.
    case referenceMargin

    /// Coefficients of the four log-probabilities (policy chosen, policy rejected, reference chosen, reference rejected).
    var coefficients: SIMD4<Double> {
        switch self {
        case .policyChosen: [1, 0, 0, 0]
        case .policyRejected: [0, 1, 0, 0]
        case .referenceChosen: [0, 0, 1, 0]
        case .referenceRejected: [0, 0, 0, 1]
        case .chosenRatio: [1, 0, -1, 0]
        case .rejectedRatio: [0, 1, 0, -1]
        case .rho: [1, -1, -1, 1]
        case .policyMargin: [1, -1, 0, 0]
        case .referenceMargin: [0, 0, 1, -1]
        }
    }

    var dependsOnPolicy: Bool { coefficients[0] != 0 || coefficients[1] != 0 }

    /// +1 where more of it means a better policy, -1 where less does, 0 where the policy has no part in it.
    var orientation: Double {
        switch self {
        case .rho, .chosenRatio, .policyChosen, .policyMargin: 1
        case .rejectedRatio, .policyRejected: -1
        case .referenceChosen, .referenceRejected, .referenceMargin: 0
        }
    }

    /// Short form for formulas.
    var symbol: String {
        switch self {
        case .policyChosen: "pc"
        case .policyRejected: "pr"
        case .referenceChosen: "rc"
        case .referenceRejected: "rr"
        case .chosenRatio: "c"
        case .rejectedRatio: "r"
        case .rho: "rho"
        case .policyMargin: "(pc - pr)"
        case .referenceMargin: "(rc - rr)"
        }
    }

    /// Name of the value in a loss file.
    var pythonName: String {
        switch self {
        case .policyChosen: "policy_chosen_logps"
        case .policyRejected: "policy_rejected_logps"
        case .referenceChosen: "reference_chosen_logps"
        case .referenceRejected: "reference_rejected_logps"
        case .chosenRatio: "chosen_ratios"
        case .rejectedRatio: "rejected_ratios"
        case .rho: "rho"
        case .policyMargin: "policy_margins"
        case .referenceMargin: "reference_margins"
        }
    }

    /// How a loss file computes it from its arguments; `nil` for an argument itself.
    var pythonDefinition: String? {
        switch self {
        case .policyChosen, .policyRejected, .referenceChosen, .referenceRejected: nil
        case .chosenRatio: "policy_chosen_logps - reference_chosen_logps"
        case .rejectedRatio: "policy_rejected_logps - reference_rejected_logps"
        case .rho:
            "(policy_chosen_logps - policy_rejected_logps) - (reference_chosen_logps - reference_rejected_logps)"
        case .policyMargin: "policy_chosen_logps - policy_rejected_logps"
        case .referenceMargin: "reference_chosen_logps - reference_rejected_logps"
        }
    }
}
