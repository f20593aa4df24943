/// Reads JSON as servers send it: strict in structure, lenient about raw control characters in strings and about bytes
/// that are no UTF-8 (which become U+FFFD). Nesting is bounded, so no reply can exhaust the stack.
struct JSONParser {
    static let deepest = 128

    struct Failure: Error {
        let offset: Int
    }

    private let bytes: UnsafeBufferPointer<UInt8>
    private var at = 0

    static func parse(_ bytes: some Collection<UInt8>) throws(Failure) -> JSONValue {
        let contiguous = ContiguousArray(bytes)
        let result: Result<JSONValue, Failure> = contiguous.withUnsafeBufferPointer { buffer in
            var parser = JSONParser(bytes: buffer)
            do throws(Failure) {
                let value = try parser.value(depth: 0)
                parser.skipSpace()
                guard parser.at == buffer.count else { throw Failure(offset: parser.at) }
                return .success(value)
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    private init(bytes: UnsafeBufferPointer<UInt8>) {
        self.bytes = bytes
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { at = 3 }  // a byte order mark
    }

    private mutating func skipSpace() {
        while at < bytes.count, [0x20, 0x0A, 0x0D, 0x09].contains(bytes[at]) { at += 1 }
    }

    private var next: UInt8? { at < bytes.count ? bytes[at] : nil }

    private mutating func value(depth: Int) throws(Failure) -> JSONValue {
        guard depth < Self.deepest else { throw Failure(offset: at) }
        skipSpace()
        switch next {
        case UInt8(ascii: "{"): return try object(depth: depth)
        case UInt8(ascii: "["): return try array(depth: depth)
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try literal("true", .bool(true))
        case UInt8(ascii: "f"): return try literal("false", .bool(false))
        case UInt8(ascii: "n"): return try literal("null", .null)
        default: return try number()
        }
    }

    private mutating func literal(_ text: StaticString, _ value: JSONValue) throws(Failure) -> JSONValue {
        let end = at + text.utf8CodeUnitCount
        guard end <= bytes.count else { throw Failure(offset: at) }
        for index in 0..<text.utf8CodeUnitCount where bytes[at + index] != text.utf8Start[index] {
            throw Failure(offset: at)
        }
        at = end
        return value
    }

    private mutating func number() throws(Failure) -> JSONValue {
        let start = at
        while let byte = next, byte >= 0x30 && byte <= 0x39 || "+-.eE".utf8.contains(byte) { at += 1 }
        let text = String(decoding: bytes[start..<at], as: UTF8.self)
        if let whole = Int(text) { return .integer(whole) }
        guard let value = Double(text), value.isFinite else { throw Failure(offset: start) }
        return .number(value)
    }

    private mutating func array(depth: Int) throws(Failure) -> JSONValue {
        at += 1
        var values: [JSONValue] = []
        skipSpace()
        if next == UInt8(ascii: "]") {
            at += 1
            return .array(values)
        }
        while true {
            values.append(try value(depth: depth + 1))
            skipSpace()
            guard let byte = next else { throw Failure(offset: at) }
            at += 1
            if byte == UInt8(ascii: "]") { return .array(values) }
            guard byte == UInt8(ascii: ",") else { throw Failure(offset: at - 1) }
        }
    }

    private mutating func object(depth: Int) throws(Failure) -> JSONValue {
        at += 1
        var members: [JSONValue.Member] = []
        skipSpace()
        if next == UInt8(ascii: "}") {
            at += 1
            return .object(members)
        }
        while true {
            skipSpace()
            guard next == UInt8(ascii: "\"") else { throw Failure(offset: at) }
            let key = try string()
            skipSpace()
            guard next == UInt8(ascii: ":") else { throw Failure(offset: at) }
            at += 1
            members.append(.init(key: key, value: try value(depth: depth + 1)))
            skipSpace()
            guard let byte = next else { throw Failure(offset: at) }
            at += 1
            if byte == UInt8(ascii: "}") { return .object(members) }
            guard byte == UInt8(ascii: ",") else { throw Failure(offset: at - 1) }
        }
    }

    private mutating func string() throws(Failure) -> String {
        at += 1
        let start = at
        while at < bytes.count, bytes[at] != UInt8(ascii: "\""), bytes[at] != UInt8(ascii: "\\") { at += 1 }
        if next == UInt8(ascii: "\"") {
            defer { at += 1 }
            return String(decoding: bytes[start..<at], as: UTF8.self)
        }
        var text = ContiguousArray(bytes[start..<at])
        while let byte = next {
            at += 1
            if byte == UInt8(ascii: "\"") { return String(decoding: text, as: UTF8.self) }
            if byte == UInt8(ascii: "\\") { try escape(into: &text) } else { text.append(byte) }
        }
        throw Failure(offset: at)
    }

    private mutating func escape(into text: inout ContiguousArray<UInt8>) throws(Failure) {
        guard let byte = next else { throw Failure(offset: at) }
        at += 1
        switch byte {
        case UInt8(ascii: "n"): text.append(0x0A)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "r"): text.append(0x0D)
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "f"): text.append(0x0C)
        case UInt8(ascii: "u"): try unicode(into: &text)
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
        default: throw Failure(offset: at - 1)
        }
    }

    /// A `\u` escape, or two that form a surrogate pair; half a pair becomes U+FFFD.
    private mutating func unicode(into text: inout ContiguousArray<UInt8>) throws(Failure) {
        let first = try fourDigits()
        var code = first
        if (0xD800..<0xDC00).contains(first), at + 1 < bytes.count, bytes[at] == UInt8(ascii: "\\"),
            bytes[at + 1] == UInt8(ascii: "u")
        {
            let mark = at
            at += 2
            let second = try fourDigits()
            if (0xDC00..<0xE000).contains(second) {
                code = 0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00)
            } else {
                at = mark
            }
        }
        let scalar = Unicode.Scalar(code) ?? "\u{FFFD}"
        text.append(contentsOf: UTF8.encode(scalar).map { Array($0) } ?? [])
    }

    private mutating func fourDigits() throws(Failure) -> UInt32 {
        guard at + 4 <= bytes.count,
            let code = UInt32(String(decoding: bytes[at..<at + 4], as: UTF8.self), radix: 16)
        else { throw Failure(offset: at) }
        at += 4
        return code
    }
}
