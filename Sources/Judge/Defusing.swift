import ChatClient

/// The verdicts and ratings that an answer holds itself, and the answer without their force.
///
/// A judge that quotes an answer's `[[10]]` would give it ten points, which a search would learn to use. So a judge is
/// shown `[[ 10 ]]`, which no reader takes for a rating, and a rating that only repeats what the answer holds is none.
/// An answer without such marks is shown byte for byte as it is.
struct AnswerMarks: Sendable {
    /// Numbers in two brackets, with or without space around them.
    private(set) var ratings: Set<Double> = []
    /// Numbers in one bracket, such as an index in code.
    private(set) var singles: Set<Double> = []
    private(set) var verdicts: Set<PairVerdict> = []

    init(of answers: [String]) {
        for answer in answers where answer.utf8.contains(UInt8(ascii: "[")) {
            for inner in bracketed(Array(answer.utf8)).map(\.inner) {
                if let number = Rating.number(inner[...]) { ratings.insert(number) }
                if let verdict = PairVerdict(label: String(decoding: inner, as: UTF8.self)) { verdicts.insert(verdict) }
            }
            singles.formUnion(Rating.numbers(in: Array(answer.utf8), brackets: 1))
        }
    }
}

/// An answer as a judge is shown it: marks that would be read as the judge's own words stand apart from their brackets.
///
/// - Parameter template: the judge prompt, whose own marks an answer may not speak either.
func defused(_ answer: String, in template: PromptTemplate? = nil) -> String {
    var answer = answer
    for mark in template?.marks ?? [] where answer.contains(mark) {
        answer = answer.replacing(mark, with: "\(mark.prefix(1)) \(mark.dropFirst().dropLast()) \(mark.suffix(1))")
    }
    guard answer.utf8.contains(UInt8(ascii: "[")) else { return answer }
    let bytes = Array(answer.utf8)
    var output: [UInt8] = []
    var copied = 0
    for found in bracketed(bytes) where found.isTight {
        output += bytes[copied..<(found.start + 2)] + [0x20] + found.inner + [0x20]
        copied = found.end - 2
    }
    guard copied > 0 else { return answer }
    return String(decoding: output + bytes[copied...], as: UTF8.self)
}

private struct Bracketed {
    let start: Int
    let end: Int
    /// What stands between the brackets, without space around it.
    let inner: [UInt8]
    /// No space stands around it.
    let isTight: Bool
}

/// Every `[[...]]` whose content may be read as a rating or a verdict: digits, points and labels, no more than 64 bytes.
private func bracketed(_ bytes: [UInt8]) -> [Bracketed] {
    let (open, close) = (UInt8(ascii: "["), UInt8(ascii: "]"))
    var found: [Bracketed] = []
    var at = 0
    while at + 4 < bytes.count {
        guard bytes[at] == open, bytes[at + 1] == open, bytes[at + 2] != open else {
            at += 1
            continue
        }
        var end = at + 2
        while end < bytes.count, end - at < 66, isOfAMark(bytes[end]) { end += 1 }
        // Digits may go on for as long as they like.
        while end < bytes.count, (0x30...0x39).contains(bytes[end]) { end += 1 }
        guard end + 1 < bytes.count, bytes[end] == close, bytes[end + 1] == close else {
            at += 2
            continue
        }
        let content = bytes[(at + 2)..<end]
        let inner = Array(content.drop { $0 == 0x20 }.reversed().drop { $0 == 0x20 }.reversed())
        if !inner.isEmpty {
            found.append(Bracketed(start: at, end: end + 2, inner: inner, isTight: inner.count == content.count))
        }
        at = end + 2
    }
    return found
}

private func isOfAMark(_ byte: UInt8) -> Bool {
    (0x30...0x39).contains(byte) || ".,<>=ABC ".utf8.contains(byte)
}
