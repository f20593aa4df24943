/// Why a model of the lab's own cannot be had here.
public struct LocalModelError: Error, Sendable, Equatable, CustomStringConvertible {
    public enum Code: String, Sendable {
        /// Nothing could be downloaded.
        case network
        case disk
        case memory
        /// The bytes are not those expected.
        case content
        /// The server did not start, or ended.
        case server
        /// Something else is missing, such as a Python package.
        case setup
    }

    public let code: Code
    /// A sentence that names the thing and the next step.
    public let message: String

    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    public var description: String { message }
}
