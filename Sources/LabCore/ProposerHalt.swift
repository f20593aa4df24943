/// Thrown by a proposer that can propose nothing more: not one candidate's failure, but the end of asking.
public struct ProposerHalt: Error, Sendable, CustomStringConvertible {
    public enum Reason: Sendable {
        /// The money, tokens or calls of the budget are used up: the search ends, what was proposed is evaluated.
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
