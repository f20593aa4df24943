/// A loss as a model is shown it: its statements only, three to eight lines for a loss of the catalogue.
///
/// Header, docstrings, imports, comments and annotations are left out; a module's constants stand in the lines as
/// numbers, since a model that copies a line copies the name without its value; helpers stand inside the function.
struct ShortLoss: Sendable, Equatable {
    /// The lab's names of a loss's parameters, in order.
    static let parameters =
        "policy_chosen_logps, policy_rejected_logps, reference_chosen_logps, reference_rejected_logps, beta"
    /// What every shown loss may take for granted.
    static let imports = "import math\nimport torch\nimport torch.nn.functional as F"

    /// The function's lines, without indentation of their own.
    let body: [String]

    /// - Parameter source: a loss in file form; `nil` when no `def loss(` stands at its margin.
    init?(_ source: String) {
        let lines = PythonLines(EvidenceText.withoutHeader(source)).code
        guard let start = lines.firstIndex(where: { $0.hasPrefix("def loss(") }) else { return nil }
        var constants: [(name: String, value: String)] = []
        var helpers: [String] = []
        var index = 0
        while index < lines.count {
            let end = Self.end(of: index, in: lines)
            let statement = lines[index..<end]
            if index != start, let first = statement.first {
                if first.hasPrefix("def ") {
                    helpers += Self.function(statement)
                } else if let match = first.wholeMatch(of: /(\w+)(?:[ ]*:[^=]+)?[ ]*=[ ]*([^=].*)/), end == index + 1 {
                    constants.append((String(match.1), String(match.2)))
                }
            }
            index = end
        }
        let own = Self.function(lines[start..<Self.end(of: start, in: lines)]).dropFirst()
        let joined = helpers + own.map { String($0.dropFirst(4)) }
        body = joined.map { line in
            constants.reversed().reduce(line) { Self.replacing($1.name, with: $1.value, in: $0) }
        }
        guard !body.isEmpty else { return nil }
    }

    /// As a whole function.
    ///
    /// - Parameter note: becomes its docstring, on one line.
    func function(named name: String, note: String?) -> String {
        let docstring = note.map { ["\"\"\"\($0)\"\"\""] } ?? []
        return (["def \(name)(\(Self.parameters)):"] + (docstring + body).map { "    \($0)" }).joined(separator: "\n")
    }

    /// The first line after a statement at the margin: brackets closed, nothing indented left.
    private static func end(of start: Int, in lines: [String]) -> Int {
        var depth = 0
        var index = start
        repeat {
            depth += lines[index].count { "([{".contains($0) } - lines[index].count { ")]}".contains($0) }
            index += 1
        } while index < lines.count && (depth > 0 || lines[index].hasPrefix(" "))
        return index
    }

    /// A function with its signature on one line, without annotations.
    private static func function(_ lines: ArraySlice<String>) -> [String] {
        var signature = ""
        var rest = lines
        while let line = rest.popFirst() {
            signature += line.trimmed + " "
            if line.hasSuffix(":") { break }
        }
        guard let match = signature.firstMatch(of: /def[ ]+(\w+)[ ]*\((.*)\)[^()]*:[ ]*$/) else { return Array(lines) }
        let parameters = match.2.split(separator: ",").map { parameter in
            let value = parameter.split(separator: "=", maxSplits: 1).dropFirst().first.map { "=" + String($0).trimmed }
            let name = parameter.split { $0 == ":" || $0 == "=" }.first.map { String($0).trimmed } ?? ""
            return name + (value ?? "")
        }.filter { !$0.isEmpty }
        return ["def \(match.1)(\(parameters.joined(separator: ", "))):"] + rest
    }

    /// A name as a whole word, in brackets where the value is more than a number.
    private static func replacing(_ name: String, with value: String, in line: String) -> String {
        let text = value.contains(/[^\w.]/) ? "(\(value))" : value
        return line.replacing(/\b\w+\b/) { $0.output == name ? text : String($0.output) }
    }
}

/// Python text line by line, without comments, docstrings, imports and empty lines.
struct PythonLines {
    let code: [String]

    init(_ text: String) {
        var kept: [String] = []
        var open: String?
        for line in text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init) {
            if let mark = open {
                if line.contains(mark) { open = nil }
                continue
            }
            let trimmed = line.trimmed
            if let mark = ["\"\"\"", "'''"].first(where: trimmed.hasPrefix) {
                if !trimmed.dropFirst(3).contains(mark) { open = mark }
                continue
            }
            let bare = Self.withoutComment(line)
            guard !bare.trimmed.isEmpty, !bare.hasPrefix("import "), !bare.hasPrefix("from ") else { continue }
            kept.append(bare)
        }
        code = kept
    }

    /// Up to a `#` that is not within quotes.
    private static func withoutComment(_ line: String) -> String {
        var quote: Character?
        var end = line.endIndex
        for index in line.indices {
            let character = line[index]
            if let mark = quote {
                if character == mark { quote = nil }
            } else if character == "\"" || character == "'" {
                quote = character
            } else if character == "#" {
                end = index
                break
            }
        }
        var bare = String(line[..<end])
        while bare.last == " " { bare.removeLast() }
        return bare
    }
}
