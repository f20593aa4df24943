import Yams

/// Reads one YAML mapping key by key; keys that nobody asked for are unknown.
///
/// A wrong value is noted in `problems` and the default returned, so that reading goes on to the next mistake.
final class Section {
    let problems: Problems
    /// Dotted path of the mapping in its file, empty at the top.
    private let path: String
    private let entries: [(key: String, place: Place?, node: Node)]
    private let offset: TextOffset
    private var asked: [String] = []
    private let start: Place?

    /// A node that is no mapping is noted and read as an empty one.
    init(_ node: Node?, path: String = "", problems: Problems, offset: TextOffset = .none) {
        self.problems = problems
        self.path = path
        self.offset = offset
        start = node?.mark.map(offset.place)
        var entries: [(key: String, place: Place?, node: Node)] = []
        if case .mapping(let mapping)? = node {
            for (key, value) in mapping {
                entries.append((key.scalar?.string ?? key.kindInWords, key.mark.map(offset.place), value))
            }
        } else if let node, !node.isNothing {
            let what = path.isEmpty ? "the file" : "`\(path)`"
            problems.add(.wrongType, at: start, "\(what) must be a mapping of keys to values, not \(node.kindInWords)")
        }
        self.entries = entries
    }

    /// The full name of a key, as messages show it.
    func name(_ key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }

    func has(_ key: String) -> Bool { entries.contains { $0.key == key } }

    /// The node of a key; `nil` when it is absent.
    func node(_ key: String) -> Node? {
        if !asked.contains(key) { asked.append(key) }
        problems.note(asked: name(key))
        return entries.first { $0.key == key }?.node
    }

    func section(_ key: String) -> Section {
        Section(node(key), path: name(key), problems: problems, offset: offset)
    }

    func place(_ key: String) -> Place? { entries.first { $0.key == key }?.node.mark.map(offset.place) ?? start }

    func complain(_ code: ConfigError.Code, _ key: String, _ message: String) {
        problems.add(code, at: place(key), "`\(name(key))` \(message)")
    }

    /// Notes every key that was not asked for. To be called once all known keys were.
    func refuseUnknownKeys() {
        for entry in entries where !asked.contains(entry.key) {
            let whole = name(entry.key)
            problems.add(
                .unknownKey, at: entry.place, "unknown key `\(whole)`\(suggestion(for: entry.key, among: asked))")
        }
    }
}

extension Node {
    /// An empty value, `null` or `~`.
    var isNothing: Bool {
        guard case .scalar(let scalar) = self, scalar.style == .plain || scalar.style == .any else { return false }
        return ["", "~", "null"].contains(scalar.string)
    }
}
