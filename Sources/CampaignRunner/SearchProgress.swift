import LabCore

/// A finished generation as the step that resuming reads: everything the rest of the search depends on.
struct GenerationRecord: Codable, Sendable, Equatable {
    let number: Int
    /// The arm of each slot; a slot may have taken several proposals.
    let slots: [SearchArm]
    let candidates: [Candidate]
    /// Wall-clock time of the generation, in the session that finished it.
    let seconds: Double
}

/// Why a search ended.
enum SearchEnd: String, Codable, Sendable {
    case candidates
    case proposals
    case seconds
    case modelBudget

    var sentence: String {
        switch self {
        case .candidates: "all candidates of the budget are evaluated"
        case .proposals: "the budget's proposals are used up"
        case .seconds: "the budget's time does not hold another generation"
        case .modelBudget: "the budget for language models is used up"
        }
    }
}

/// How much of the budget a search has used.
struct SearchProgress: Sendable {
    private(set) var generations = 0
    private(set) var proposals = 0
    /// Distinct candidates with a score.
    private(set) var evaluated = 0
    private(set) var slotsByArm: [SearchArm: Int] = [:]
    private(set) var seconds = 0.0
    private var lastGeneration = 0.0

    mutating func add(_ record: GenerationRecord) {
        generations = record.number
        proposals += record.candidates.count
        evaluated += record.candidates.filter(\.isScored).count
        for arm in record.slots { slotsByArm[arm, default: 0] += 1 }
        seconds += record.seconds
        lastGeneration = record.seconds
    }

    /// Why the search is over, or `nil` to go on.
    ///
    /// Time is over when another generation like the last would not fit, so a search stays within its seconds.
    func end(under budget: BudgetConfig) -> SearchEnd? {
        if evaluated >= budget.candidates { return .candidates }
        if proposals >= Self.allowedProposals(budget) { return .proposals }
        if let limit = budget.seconds, seconds + lastGeneration > limit { return .seconds }
        return nil
    }

    /// Slots of the next generation, and how many proposals may be spent on filling them.
    func nextGeneration(under budget: BudgetConfig) -> (slots: Int, proposals: Int) {
        (min(max(1, budget.generationSize), budget.candidates - evaluated), Self.allowedProposals(budget) - proposals)
    }

    private static func allowedProposals(_ budget: BudgetConfig) -> Int {
        Int((Double(budget.candidates) * max(1, budget.proposalFactor)).rounded(.up))
    }
}

extension Candidate {
    var isScored: Bool {
        if case .scored = status { return tuned != nil }
        return false
    }
}
