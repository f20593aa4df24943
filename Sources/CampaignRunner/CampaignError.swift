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

/// A campaign was asked to end early. Everything finished is stored, so it can be resumed.
public struct CampaignInterrupted: Error, Sendable, CustomStringConvertible {
    public let campaign: String

    public init(campaign: String) { self.campaign = campaign }

    public var description: String {
        "campaign \(campaign) was interrupted; finished work is stored: losslab campaign resume \(campaign)"
    }
}
