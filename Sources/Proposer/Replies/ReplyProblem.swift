/// Why nothing usable was found in a reply; its description is what the model is told.
public struct ReplyProblem: Error, Codable, Sendable, Equatable, CustomStringConvertible {
    public enum Kind: String, Codable, Sendable {
        case empty
        /// Thoughts, and no answer after them.
        case thoughtsOnly
        case refused
        /// The prompt's own words.
        case echoed
        /// Not in the form asked for.
        case form
    }

    public let kind: Kind
    public let message: String

    public init(_ kind: Kind, _ message: String) {
        self.kind = kind
        self.message = message
    }

    public var description: String { message }
}
