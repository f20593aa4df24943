/// Tokens of a text without the model's tokenizer.
public enum TokenEstimate {
    /// What a message's role and separators take at most, in any chat template we know.
    static let perMessage = 16

    /// A usual count: one token for three bytes of UTF-8, which is a little high for English and about right for code
    /// and other scripts.
    public static func usual(_ text: String) -> Int { (text.utf8.count + 2) / 3 }

    /// A usual count for what a request lets the model read.
    public static func usual(_ request: ChatRequest) -> Int {
        request.texts.reduce(0) { $0 + usual($1) + 4 }
    }

    /// A count that a prompt of words or code hardly falls below: white space counts once, however much there is.
    static func careful(_ request: ChatRequest) -> Int {
        request.texts.reduce(0) { count, text in
            var bytes = 0
            var wasSpace = false
            for byte in text.utf8 {
                let isSpace = byte == 0x20 || (0x09...0x0D).contains(byte)
                if !isSpace || !wasSpace { bytes += 1 }
                wasSpace = isSpace
            }
            return count + bytes / 3
        }
    }

    /// The most tokens that a request's texts can be: a token stands for at least one byte.
    static func most(_ request: ChatRequest) -> Int {
        var bytes = request.texts.reduce(0) { $0 + $1.utf8.count + perMessage }
        if case .schema(_, let schema) = request.format { bytes += schema.utf8.count }
        return bytes + 4 * perMessage
    }
}
