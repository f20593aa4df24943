/// What is wrong with a file that a person wrote, all of it at once, each with its place.
public struct ConfigError: Error, Sendable, Equatable, CustomStringConvertible {
    public enum Code: String, Sendable {
        /// The file is not there, or cannot be read.
        case unreadable
        /// The text is not YAML, JSON or a loss file at all.
        case malformed
        case unknownKey
        case missingKey
        case wrongType
        case outOfRange
        /// Two entries that contradict each other.
        case conflict
    }

    /// One mistake and where it is; line and column count from 1.
    public struct Problem: Sendable, Hashable, CustomStringConvertible {
        public let code: Code
        public let file: String
        public let line: Int?
        public let column: Int?
        /// What is wrong and what would be right.
        public let message: String

        public init(_ code: Code, file: String, line: Int? = nil, column: Int? = nil, _ message: String) {
            self.code = code
            self.file = file
            self.line = line
            self.column = column
            self.message = message
        }

        public var description: String {
            let place = [file, line.map { "\($0)" }, column.map { "\($0)" }].compactMap { $0 }.joined(separator: ":")
            return "\(place): \(message)"
        }
    }

    /// At least one, in the order of the file.
    public let problems: [Problem]

    public init(_ problems: [Problem]) { self.problems = problems }

    init(_ code: Code, file: String, line: Int? = nil, column: Int? = nil, _ message: String) {
        problems = [Problem(code, file: file, line: line, column: column, message)]
    }

    public var description: String { problems.map(\.description).joined(separator: "\n") }
}

/// Gathers problems while a file is read, so that all are told at once.
final class Problems {
    let file: String
    private var found: [ConfigError.Problem] = []
    /// Full names of the keys that were looked for: every key that the readers know.
    private(set) var asked: Set<String> = []

    init(file: String) { self.file = file }

    func add(_ code: ConfigError.Code, at place: Place?, _ message: String) {
        let problem = ConfigError.Problem(code, file: file, line: place?.line, column: place?.column, message)
        if !found.contains(problem) { found.append(problem) }
    }

    func note(asked key: String) { asked.insert(key) }

    func throwIfAny() throws(ConfigError) {
        guard !found.isEmpty else { return }
        throw ConfigError(found.sorted { ($0.line ?? 0, $0.column ?? 0) < ($1.line ?? 0, $1.column ?? 0) })
    }
}

/// A place in a text, both counted from 1.
struct Place: Equatable {
    let line: Int
    let column: Int
}
