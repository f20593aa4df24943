/// A text with places in braces, filled as Python's `str.format` fills it.
public struct PromptTemplate: Sendable, Equatable, Decodable {
    public let text: String

    public init(_ text: String) { self.text = text }

    public init(from decoder: any Decoder) throws {
        text = try decoder.singleValueContainer().decode(String.self)
    }

    /// Puts the values into their places, byte for byte; what a value itself holds in braces stays as it is.
    ///
    /// `{{` and `}}` stand for single braces. Throws where the template names a value that is not given.
    public func filled(with values: [String: String]) throws -> String {
        var output: [UInt8] = []
        let bytes = Array(text.utf8)
        let (open, close) = (UInt8(ascii: "{"), UInt8(ascii: "}"))
        var index = 0
        while index < bytes.count {
            let byte = bytes[index]
            guard byte == open || byte == close else {
                output.append(byte)
                index += 1
                continue
            }
            if index + 1 < bytes.count, bytes[index + 1] == byte {
                output.append(byte)
                index += 2
                continue
            }
            guard byte == open, let end = bytes[index...].firstIndex(of: close) else {
                throw JudgeError(.malformed, "a judge prompt has a single brace: \(text.prefix(60))...")
            }
            let name = String(decoding: bytes[(index + 1)..<end], as: UTF8.self)
            guard let value = values[name] else {
                throw JudgeError(
                    .mismatch,
                    "a judge prompt asks for {\(name)}; known here: \(values.keys.sorted().joined(separator: ", "))")
            }
            output.append(contentsOf: value.utf8)
            index = end + 1
        }
        return String(decoding: output, as: UTF8.self)
    }
}
