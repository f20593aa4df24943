/// Thrown by a stage whose language model can be asked nothing more: not one candidate's failure, but the end of asking.
public struct ModelHalt: Error, Sendable, CustomStringConvertible {
    public enum Reason: Sendable {
        /// The money, tokens or calls of the budget are used up. Without a proposer the search ends and what was proposed is
        /// evaluated; without a judge the campaign stops where it is.
        case budget
        /// A refused key, an unknown model, no endpoint: nothing can succeed until a person changes something.
        case misconfigured
    }

    public let reason: Reason
    /// What is wrong and the next step.
    public let message: String

    public init(_ reason: Reason, _ message: String) {
        self.reason = reason
        self.message = message
    }

    public var description: String { message }
}
