/// What keeps a judge from grading: a file that is not as it should be, or a judge that cannot be used at all.
///
/// An answer that gets no rating is not an error: it is a row without a score.
public struct JudgeError: Error, Hashable, Sendable, CustomStringConvertible {
    public enum Code: String, Sendable {
        /// A file that is missing or cannot be read or written.
        case unreadable
        /// A file whose content is not what its name says.
        case malformed
        /// Questions, prompts, answers or references that do not fit together.
        case mismatch
        /// The judge answered none of the requests.
        case noJudgment
        /// A downloaded or copied file is not the one that was pinned.
        case wrongChecksum
    }

    public let code: Code
    public let message: String

    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    public var description: String { message }
}
