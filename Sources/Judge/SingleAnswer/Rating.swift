/// The number in a judge's reply, found as FastChat finds it.
public struct Rating: Sendable, Equatable {
    public let value: Double
    /// `[8]` instead of `[[8]]`: FastChat's second pattern, which also matches an index in code.
    public let singleBrackets: Bool
    /// The reply holds another rating with a different value; the first one counts.
    public let contested: Bool

    /// On the judge's scale of 1 to 10.
    public var inRange: Bool { (1...10).contains(value) }

    /// The first `[[number]]`, else the first `[number]`; `nil` when there is neither.
    public init?(in judgment: String) {
        let bytes = Array(judgment.utf8)
        let double = Self.numbers(in: bytes, brackets: 2)
        if let first = double.first {
            self.init(value: first, singleBrackets: false, contested: double.contains { $0 != first })
        } else if let first = Self.numbers(in: bytes, brackets: 1, all: false).first {
            self.init(value: first, singleBrackets: true, contested: false)
        } else {
            return nil
        }
    }

    private init(value: Double, singleBrackets: Bool, contested: Bool) {
        self.value = value
        self.singleBrackets = singleBrackets
        self.contested = contested
    }

    /// Digits with at most one point among or after them, directly within the brackets.
    private static func numbers(in bytes: [UInt8], brackets: Int, all: Bool = true) -> [Double] {
        let (open, close, point) = (UInt8(ascii: "["), UInt8(ascii: "]"), UInt8(ascii: "."))
        func isDigit(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") }
        var found: [Double] = []
        var index = 0
        while index + 2 * brackets < bytes.count {
            let start = index + brackets
            guard bytes[index..<start].allSatisfy({ $0 == open }), isDigit(bytes[start]) else {
                index += 1
                continue
            }
            var end = start
            while end < bytes.count, isDigit(bytes[end]) { end += 1 }
            if end < bytes.count, bytes[end] == point {
                end += 1
                while end < bytes.count, isDigit(bytes[end]) { end += 1 }
            }
            if end + brackets <= bytes.count, bytes[end..<(end + brackets)].allSatisfy({ $0 == close }),
                let value = number(bytes[start..<end])
            {
                found.append(value)
                if !all { return found }
            }
            index += 1
        }
        return found
    }

    private static func number(_ digits: ArraySlice<UInt8>) -> Double? {
        var text = String(decoding: digits, as: UTF8.self)
        if text.hasSuffix(".") { text.removeLast() }
        return Double(text)
    }
}
