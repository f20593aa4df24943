/// Why nothing usable was found in a reply; its description is what the model is told.
public struct ReplyProblem: Error, Codable, Sendable, Equatable, CustomStringConvertible {
    /// Named as screening names its rejections of replies without usable code.
    public enum Kind: String, Codable, Sendable {
        case empty
        /// Thoughts, and no answer after them.
        case thoughtsOnly = "thoughts-only"
        /// Cut off by the token limit.
        case cutOff = "cut-off"
        case noCode = "no-code"
        /// The prompt's own words, or one of the losses that it showed.
        case echoed
        case refused
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
