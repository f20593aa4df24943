/// JSON as language models write it: raw line breaks in strings, single quotes, trailing commas, comments, Python's
/// literals and triple quotes, quotes that should have been escaped, and an end that never came.
///
/// What is well-formed JSON reads as JSON does. Everything else is read as it was most likely meant, and never fails
/// once a brace is open; `isCutOff` tells when the text ended inside.
enum LenientJSON {
    indirect enum Value: Equatable {
        case object([String: Value])
        case list([Value])
        case string(String)
        /// A number, a literal or a bare word.
        case word(String)

        var text: String? {
            switch self {
            case .string(let text), .word(let text): text
            case .list(let values):
                // Code as a list of lines.
                values.isEmpty ? nil : values.compactMap(\.text).joined(separator: "\n")
            case .object: nil
            }
        }

        var fields: [String: Value]? {
            if case .object(let fields) = self { return fields }
            return nil
        }
    }

    /// Objects and lists within one another; what is deeper is not read, and counts as cut off.
    static let deepest = 40

    struct Found {
        let value: Value
        /// Offset of the opening brace, in unicode scalars.
        let start: Int
        let end: Int
        let isCutOff: Bool
    }

    /// Objects in a text, whatever stands around them; an object inside another is not listed. At most `limit`.
    static func objects(in text: String, limit: Int = 60) -> [Found] {
        let scalars = Array(text.unicodeScalars)
        var found: [Found] = []
        var at = 0
        var tries = 0
        while tries < limit, let start = scalars[at...].firstIndex(of: "{") {
            tries += 1
            var parser = LenientParser(scalars, at: start)
            let value = parser.object()
            if value.fields?.isEmpty == false, parser.sawColon {
                found.append(Found(value: value, start: start, end: parser.at, isCutOff: parser.isCutOff))
                at = max(parser.at, start + 1)
            } else {
                at = start + 1
            }
            if at >= scalars.count { break }
        }
        return found
    }
}

private struct LenientParser {
    let text: [Unicode.Scalar]
    var at: Int
    private var depth = 0
    private(set) var isCutOff = false
    private(set) var sawColon = false

    init(_ text: [Unicode.Scalar], at: Int) {
        self.text = text
        self.at = at
    }

    private var current: Unicode.Scalar? { at < text.count ? text[at] : nil }

    private func isNext(_ word: String) -> Bool {
        let scalars = Array(word.unicodeScalars)
        return at + scalars.count <= text.count && Array(text[at..<at + scalars.count]) == scalars
    }

    private mutating func skipSpace() {
        while let scalar = current {
            if scalar.properties.isWhitespace {
                at += 1
            } else if isNext("//") || scalar == "#" {
                while let next = current, next != "\n" { _ = next; at += 1 }
            } else if isNext("/*") {
                at += 2
                while current != nil, !isNext("*/") { at += 1 }
                at = min(at + 2, text.count)
            } else {
                return
            }
        }
    }

    mutating func object() -> LenientJSON.Value {
        at += 1
        var fields: [String: LenientJSON.Value] = [:]
        while true {
            skipSpace()
            guard let scalar = current else {
                isCutOff = true
                return .object(fields)
            }
            if scalar == "}" {
                at += 1
                return .object(fields)
            }
            if scalar == "," {
                at += 1
                continue
            }
            let before = at
            let key = isQuote(scalar) ? string(isKey: true) : word(until: [":", ",", "}", "\n"])
            skipSpace()
            guard current == ":" else {
                if current == nil { isCutOff = true }
                if at == before { at += 1 }
                // No key after all: what stands here is no JSON object.
                if fields.isEmpty { return .object([:]) }
                continue
            }
            sawColon = true
            at += 1
            fields[key] = value()
        }
    }

    private mutating func value() -> LenientJSON.Value {
        skipSpace()
        guard let scalar = current else {
            isCutOff = true
            return .word("")
        }
        if scalar == "{" || scalar == "[" {
            guard depth < LenientJSON.deepest else {
                at = text.count
                isCutOff = true
                return .word("")
            }
            depth += 1
            defer { depth -= 1 }
            return scalar == "{" ? object() : list()
        }
        if isQuote(scalar) || isRawPrefix(scalar) { return .string(string(isKey: false)) }
        return .word(word(until: [",", "}", "]", "\n"]))
    }

    private mutating func list() -> LenientJSON.Value {
        at += 1
        var values: [LenientJSON.Value] = []
        while true {
            skipSpace()
            guard let scalar = current else {
                isCutOff = true
                return .list(values)
            }
            if scalar == "]" {
                at += 1
                return .list(values)
            }
            if scalar == "," || scalar == "}" {
                at += 1
                continue
            }
            let before = at
            values.append(value())
            if at == before { at += 1 }
        }
    }

    private mutating func word(until ends: Set<Unicode.Scalar>) -> String {
        var word = String.UnicodeScalarView()
        while let scalar = current, !ends.contains(scalar) {
            word.append(scalar)
            at += 1
        }
        return String(word).trimmed
    }

    private func isQuote(_ scalar: Unicode.Scalar) -> Bool { ["\"", "'", "`", "\u{201C}"].contains(scalar) }

    /// Python's `r"..."` and `f"..."`.
    private func isRawPrefix(_ scalar: Unicode.Scalar) -> Bool {
        guard scalar == "r" || scalar == "f", at + 1 < text.count else { return false }
        return text[at + 1] == "\"" || text[at + 1] == "'"
    }

    private mutating func string(isKey: Bool) -> String {
        if let scalar = current, isRawPrefix(scalar) { at += 1 }
        for triple in ["\"\"\"", "'''", "```"] where isNext(triple) && !isEmptyString(triple) {
            at += 3
            return rest(until: triple)
        }
        guard let opening = current else { return "" }
        let closing: Unicode.Scalar = opening == "\u{201C}" ? "\u{201D}" : opening
        at += 1
        var result = String.UnicodeScalarView()
        while let scalar = current {
            if scalar == "\\" {
                at += 1
                escape(into: &result)
            } else if scalar == closing, closes(isKey: isKey, closing) {
                at += 1
                return String(result)
            } else {
                result.append(scalar)
                at += 1
            }
        }
        isCutOff = true
        return String(result)
    }

    /// `""` followed by something else is an empty string, not the start of a triple quote.
    private func isEmptyString(_ triple: String) -> Bool { at + 3 > text.count }

    private mutating func rest(until end: String) -> String {
        var result = String.UnicodeScalarView()
        while let scalar = current {
            if isNext(end) {
                at += 3
                return String(result)
            }
            result.append(scalar)
            at += 1
        }
        isCutOff = true
        return String(result)
    }

    /// Whether the quote here ends the string: what follows must be able to follow a string.
    private func closes(isKey: Bool, _ quote: Unicode.Scalar) -> Bool {
        var next = at + 1
        var crossedLine = false
        while next < text.count, text[next].properties.isWhitespace {
            crossedLine = crossedLine || text[next] == "\n"
            next += 1
        }
        guard next < text.count else { return true }
        let scalar = text[next]
        if isKey { return scalar == ":" }
        switch scalar {
        case "}", "]": return true
        case ",": return endsValue(at: next)
        // A forgotten comma before the next key.
        case "\"", "'": return crossedLine && text[at + 1] != quote
        default: return false
        }
    }

    /// A comma after a closing quote is followed by a key, another value or the end; inside code, by anything.
    private func endsValue(at comma: Int) -> Bool {
        var next = comma + 1
        while next < text.count, text[next].properties.isWhitespace { next += 1 }
        guard next < text.count else { return true }
        let scalar = text[next]
        return isQuote(scalar) || ["}", "]", "{", "[", "/", "#"].contains(scalar)
            || (scalar.properties.isAlphabetic && looksLikeBareKey(at: next))
    }

    private func looksLikeBareKey(at start: Int) -> Bool {
        var next = start
        while next < text.count, text[next].properties.isAlphabetic || text[next] == "_" { next += 1 }
        return next < text.count && text[next] == ":"
    }

    private mutating func escape(into result: inout String.UnicodeScalarView) {
        guard let scalar = current else {
            isCutOff = true
            return
        }
        at += 1
        switch scalar {
        case "n": result.append("\n")
        case "t": result.append("\t")
        case "r": result.append("\r")
        case "b", "f": break
        case "\"", "'", "`", "\\", "/": result.append(scalar)
        case "\n": result.append("\n")
        case "u": unicode(into: &result)
        default:
            result.append("\\")
            result.append(scalar)
        }
    }

    private mutating func unicode(into result: inout String.UnicodeScalarView) {
        func hex(at start: Int) -> UInt32? {
            guard start + 4 <= text.count else { return nil }
            return UInt32(String(String.UnicodeScalarView(text[start..<start + 4])), radix: 16)
        }
        guard let first = hex(at: at) else {
            result.append("\\")
            result.append("u")
            return
        }
        at += 4
        if (0xD800..<0xDC00).contains(first), isNext("\\u"), let second = hex(at: at + 2),
            (0xDC00..<0xE000).contains(second),
            let scalar = Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00))
        {
            at += 6
            result.append(scalar)
        } else {
            result.append(Unicode.Scalar(first) ?? "\u{FFFD}")
        }
    }
}

extension String {
    /// Without white space at both ends.
    var trimmed: String {
        var view = self[...].unicodeScalars
        while let first = view.first, first.properties.isWhitespace { view.removeFirst() }
        while let last = view.last, last.properties.isWhitespace { view.removeLast() }
        return String(view)
    }
}
