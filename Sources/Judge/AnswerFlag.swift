/// What is unusual about an answer or its judgment. A flagged answer is graded all the same.
public enum AnswerFlag: String, Codable, Sendable, CaseIterable {
    /// The answer holds nothing but white space.
    case empty
    /// The answer holds what would be read as a verdict: `[[10]]`, `[[A>B]]`. The judge is shown it without its force.
    case imitatesVerdict
    /// The answer holds one of the marks between which the prompt puts answers, so it may speak as somebody else.
    case imitatesPrompt
    /// More than half of the answer has been said before, word for word, in the answer itself.
    case repeatsItself
    /// The answer was cut in its middle because the request did not fit the judge's context.
    case exceedsContext
    /// The rating is not between 1 and 10, so it is none; FastChat's own mean counts it.
    case ratingOutOfRange
    /// The rating stands in single brackets, where FastChat's second pattern finds it.
    case singleBrackets
    /// The judgment holds two different ratings; the first that is not the answer's own counts.
    case contestedRating
}

/// What can be told from an answer alone.
///
/// - Parameter template: the judge prompt the answer is put into.
public func flags(of answer: String, in template: PromptTemplate? = nil) -> [AnswerFlag] {
    guard answer.contains(where: { !$0.isWhitespace }) else { return [.empty] }
    var flags: [AnswerFlag] = []
    if imitatesVerdict(answer) { flags.append(.imitatesVerdict) }
    if let template, template.marks.contains(where: { holds(answer, $0) }) { flags.append(.imitatesPrompt) }
    if repeatedShare(of: answer) > 0.5 { flags.append(.repeatsItself) }
    return flags
}

/// Whether a text holds something that is read as a rating, a pair of ratings or a pairwise verdict.
func imitatesVerdict(_ text: String) -> Bool {
    guard text.utf8.contains(UInt8(ascii: "[")) else { return false }
    let rating = /\[\[\s*(?:\d+\.?\d*(?:\s*,\s*\d+\.?\d*)?|rating)\s*\]\]/
    let verdict = /\[\[\s*[AB]\s*(?:>>|>|=|<|<<)\s*[AB]\s*\]\]|\[\[\s*[ABC]\s*\]\]/
    return text.contains(rating) || text.contains(verdict)
}

/// The share of a text's 32-byte windows that occurred before in it, 0 to 1; 0 for texts under 200 bytes.
///
/// Bytes, because not every language has spaces between words.
func repeatedShare(of text: String) -> Double {
    let window = 32
    let bytes = Array(text.utf8)
    guard bytes.count >= 200 else { return 0 }
    // Rabin's rolling hash modulo 2^64 with an odd base; a collision only moves a share by one window.
    let base: UInt64 = 0x9E37_79B9_7F4A_7C15
    let lead = (1..<window).reduce(UInt64(1)) { power, _ in power &* base }
    var hash: UInt64 = 0
    var seen: Set<UInt64> = []
    var repeated = 0
    for (index, byte) in bytes.enumerated() {
        if index >= window { hash &-= UInt64(bytes[index - window]) &* lead }
        hash = hash &* base &+ UInt64(byte)
        guard index >= window - 1 else { continue }
        if !seen.insert(hash).inserted { repeated += 1 }
    }
    return Double(repeated) / Double(bytes.count - window + 1)
}

extension PromptTemplate {
    /// The lines of a template that stand in brackets and mark the start or end of a part.
    var marks: [String] {
        text.split(separator: "\n").map(String.init).filter { line in
            (line.hasPrefix("[The ") && line.hasSuffix("]")) || (line.hasPrefix("<|") && line.hasSuffix("|>"))
        }
    }
}

private func holds(_ text: String, _ part: String) -> Bool {
    guard text.utf8.contains(UInt8(ascii: "[")) || text.utf8.contains(UInt8(ascii: "<")) else { return false }
    return text.contains(part)
}
