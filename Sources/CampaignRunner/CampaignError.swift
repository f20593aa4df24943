import LabCore

/// What stops a campaign. A bad loss never does; these are ours, and finished work is kept.
public struct CampaignError: Error, Sendable, CustomStringConvertible {
    public enum Code: String, Sendable {
        /// The configuration cannot be run: nothing to compare with, an empty grid, an unknown name.
        case configuration
        /// Candidate after candidate failed for reasons that are not the losses'.
        case systematicFailure
        /// A finished step could not be read or written: a full or read-only disk, a broken file.
        case storage
        /// Nothing is left to compare at the end.
        case confirmation
    }

    public let code: Code
    public let message: String

    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    public var description: String { message }
}

/// A campaign ended early: it was asked to, or may ask no model any more. Everything finished is stored, so it can be resumed.
public struct CampaignInterrupted: Error, Sendable, CustomStringConvertible {
    public let campaign: String

    /// That the budget for models is used up, in words that end with the advice to raise it; `nil` when a person or the system ended it.
    public let spentBudget: String?
    /// The limits of its budget that a resumption may raise, as options; for messages.
    private let options: [String]

    public init(campaign: String) {
        self.campaign = campaign
        spentBudget = nil
        options = []
    }

    init(campaign: String, spentBudget: String, budget: ModelBudget?) {
        self.campaign = campaign
        self.spentBudget = spentBudget
        let limits = [
            ("--budget-usd USD", budget?.usd != nil), ("--budget-tokens TOKENS", budget?.tokens != nil),
            ("--budget-calls CALLS", budget?.calls != nil),
        ]
        let set = limits.filter(\.1).map(\.0)
        options = set.isEmpty ? limits.map(\.0) : set
    }

    public var description: String {
        guard let spentBudget else {
            return "campaign \(campaign) was interrupted; finished work is stored: losslab campaign resume \(campaign)"
        }
        return "campaign \(campaign) is not finished: \(spentBudget): losslab campaign resume \(campaign) "
            + "\(options.joined(separator: " or ")); finished work is stored"
    }
}
