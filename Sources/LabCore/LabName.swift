/// The name of something that becomes a file or a folder. There is no way to one but through the check.
public struct LabName: Hashable, Sendable, CustomStringConvertible {
    public enum Kind: String, Sendable {
        /// A folder below `runs`.
        case campaign
        /// A folder below `runs/reruns`; made of other names, so that it may hold capitals and be long.
        case rerun
        /// A folder below `evaluation`.
        case evaluation
        case model
        case loss
        case world

        var withArticle: String { (self == .evaluation ? "an " : "a ") + rawValue }
    }

    public let text: String

    public var description: String { text }

    /// - Throws: what is wrong with the name, and what would be right.
    public init(_ text: String, of kind: Kind) throws(NameError) {
        let rule = Rule(kind)
        guard let first = text.unicodeScalars.first, rule.begins(first), text.unicodeScalars.allSatisfy(rule.allows),
            text.unicodeScalars.count <= rule.longest
        else {
            throw NameError(
                kind: kind, name: text,
                reason: "must be a name of at most \(rule.longest) \(rule.characters), beginning with a letter or digit"
            )
        }
        guard kind != .campaign || !Self.reserved.contains(text) else {
            throw NameError(
                kind: kind, name: text,
                reason: "must be another: runs/\(text) is where the lab itself keeps something")
        }
        self.text = text
    }

    /// What lies, or may come to lie, beside the campaigns below `runs`.
    public static let reserved: Set<String> = ["archive", "cache", "logs", "reruns", "samples", "tracking"]

    private struct Rule {
        let longest: Int
        let characters: String
        private let more: Set<Unicode.Scalar>
        private let capitals: Bool

        init(_ kind: Kind) {
            switch kind {
            case .campaign, .evaluation, .loss, .world:
                (longest, characters, more, capitals) = (60, "lower-case letters, digits, `_` and `-`", [], false)
            case .model:
                (longest, characters, more, capitals) = (
                    60, "lower-case letters, digits, `.`, `_` and `-`", ["."], false
                )
            case .rerun: (longest, characters, more, capitals) = (200, "letters, digits, `_` and `-`", [], true)
            }
        }

        func begins(_ scalar: Unicode.Scalar) -> Bool {
            switch scalar {
            case "a"..."z", "0"..."9": true
            case "A"..."Z": capitals
            default: false
            }
        }

        func allows(_ scalar: Unicode.Scalar) -> Bool {
            begins(scalar) || scalar == "_" || scalar == "-" || more.contains(scalar)
        }
    }
}

/// A text that is no name here.
public struct NameError: Error, Hashable, Sendable, CustomStringConvertible {
    public let kind: LabName.Kind
    public let name: String
    /// Completes "the name ...".
    public let reason: String

    public var description: String { "the name of \(kind.withArticle) \(reason), not `\(shown)`" }

    /// At most a line of it, and nothing that a terminal would obey.
    private var shown: String {
        let safe = name.unicodeScalars.prefix(80).map { scalar -> Character in
            let isPlain = scalar.value >= 0x20 && scalar.value < 0x7F || scalar.properties.isAlphabetic
            return isPlain ? Character(scalar) : "?"
        }
        return String(safe)
    }
}
