/// The number in a judge's words: found as FastChat finds it, and on the judge's scale of 1 to 10.
public struct Rating: Sendable, Equatable {
    public let value: Double
    /// `[8]` instead of `[[8]]`: FastChat's second pattern, which also matches an index in code.
    public let singleBrackets: Bool
    /// The words hold another rating with a different value; the first one counts.
    public let contested: Bool

    /// What a judge's words come to.
    enum Reading: Sendable, Equatable {
        case rating(Rating)
        /// A number that is not on the scale, however many digits it has.
        case outOfRange
        /// Only what the answer held itself.
        case repeatsAnswer
        case none

        var rating: Rating? {
            if case .rating(let rating) = self { rating } else { nil }
        }
    }

    static let scale = 1.0...10.0

    /// The first `[[number]]` that the answer does not hold itself, else the first such `[number]`.
    ///
    /// - Parameter words: without the judge's thoughts.
    static func read(_ words: String, besides marks: AnswerMarks = AnswerMarks(of: [])) -> Reading {
        let bytes = Array(words.utf8)
        let double = numbers(in: bytes, brackets: 2)
        if !double.isEmpty {
            guard let first = double.first(where: { !marks.ratings.contains($0) }) else { return .repeatsAnswer }
            return reading(first, singleBrackets: false, contested: double.contains { $0 != first })
        }
        guard let first = numbers(in: bytes, brackets: 1, all: false).first else { return .none }
        guard !marks.singles.contains(first), !marks.ratings.contains(first) else { return .repeatsAnswer }
        return reading(first, singleBrackets: true, contested: false)
    }

    private static func reading(_ value: Double, singleBrackets: Bool, contested: Bool) -> Reading {
        scale.contains(value)
            ? .rating(Rating(value: value, singleBrackets: singleBrackets, contested: contested)) : .outOfRange
    }

    /// What FastChat reads in a judgment, on the scale or not; `nil` where it reads nothing, or what is no number here.
    static func asFastChatReads(_ judgment: String) -> Double? {
        let bytes = Array(judgment.utf8)
        let first =
            numbers(in: bytes, brackets: 2, all: false).first ?? numbers(in: bytes, brackets: 1, all: false).first
        return first.flatMap { $0.isFinite ? $0 : nil }
    }

    /// Digits with at most one point among or after them, directly within the brackets.
    static func numbers(in bytes: [UInt8], brackets: Int, all: Bool = true) -> [Double] {
        let (open, close) = (UInt8(ascii: "["), UInt8(ascii: "]"))
        var found: [Double] = []
        var index = 0
        while index + 2 * brackets < bytes.count {
            let start = index + brackets
            guard bytes[index..<start].allSatisfy({ $0 == open }), isDigit(bytes[start]) else {
                index += 1
                continue
            }
            var end = start
            while end < bytes.count, isDigit(bytes[end]) || bytes[end] == point { end += 1 }
            if end + brackets <= bytes.count, bytes[end..<(end + brackets)].allSatisfy({ $0 == close }),
                let value = number(bytes[start..<end])
            {
                found.append(value)
                if !all { return found }
            }
            // Nothing begins within digits.
            index = end
        }
        return found
    }

    private static let point = UInt8(ascii: ".")

    private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }

    /// Digits with at most one point among or after them; more of them than numbers have are infinite.
    static func number(_ digits: ArraySlice<UInt8>) -> Double? {
        guard let first = digits.first, isDigit(first), digits.allSatisfy({ isDigit($0) || $0 == point }),
            digits.count(where: { $0 == point }) <= 1
        else { return nil }
        var text = String(decoding: digits, as: UTF8.self)
        if text.hasSuffix(".") { text.removeLast() }
        return Double(text)
    }
}
