/// What a model says when its thoughts are taken out of its text.
///
/// Servers that know a model's marks tell thoughts apart; others leave them in the text. Reading is linear in the text's
/// length, whatever it holds.
public struct SpokenText: Hashable, Sendable {
    public let text: String
    /// The model was still thinking when its reply ended, so that nothing in it is an answer.
    public let isUnended: Bool

    /// - Parameter reply: a reply's text, with or without thoughts.
    public init(of reply: String) {
        if let answer = Self.afterChannels(reply) {
            text = answer
            isUnended = false
            return
        }
        var scan = Scan(reply)
        isUnended = scan.run() == .unended
        text = isUnended ? "" : scan.spoken
    }

    /// How models begin and end their thoughts; in lower case, in which texts are compared.
    static let marks: [(opening: String, closing: String)] =
        [
            "think", "thinking", "thought", "thoughts", "thought_process", "reasoning", "seed:think",
        ].map { ("<\($0)>", "</\($0)>") } + [
            ("[think]", "[/think]"), ("◁think▷", "◁/think▷"), ("<|begin_of_thought|>", "<|end_of_thought|>"),
            ("<|start_thinking|>", "<|end_thinking|>"), ("<|channel|>analysis<|message|>", "<|end|>"),
            ("<|channel>thought", "<channel|>"), ("<unused94>thought", "<unused95>"),
        ]

    /// The final channel of models that speak in channels, with their marks or where a server dropped those.
    private static func afterChannels(_ reply: String) -> String? {
        let bytes = Array(reply.utf8)
        func after(_ mark: String) -> String? {
            let mark = Array(mark.utf8)
            guard bytes.count >= mark.count else { return nil }
            for start in stride(from: bytes.count - mark.count, through: 0, by: -1)
            where bytes[start] == mark[0] && bytes[start..<(start + mark.count)].elementsEqual(mark) {
                return String(decoding: bytes[(start + mark.count)...], as: UTF8.self)
            }
            return nil
        }
        if let final = after("<|channel|>final<|message|>") { return final }
        return bytes.starts(with: "analysis".utf8) ? after("assistantfinal") : nil
    }
}

/// One pass over a text that leaves out what stands between marks.
private struct Scan {
    enum End { case spoken, unended }

    private let original: [UInt8]
    private let bytes: [UInt8]
    private var kept: [UInt8] = []
    /// Marks that do not occur any more from here on.
    private var spent: Set<Int> = []
    private let marks = SpokenText.marks.map { (opening: Array($0.opening.utf8), closing: Array($0.closing.utf8)) }

    init(_ text: String) {
        original = Array(text.utf8)
        bytes = original.map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }
    }

    var spoken: String { String(decoding: kept, as: UTF8.self) }

    mutating func run() -> End {
        var at = 0
        while at < bytes.count {
            if let mark = marks.firstIndex(where: { begins($0.opening, at: at) }) {
                if let end = close(mark, from: at + marks[mark].opening.count) {
                    at = end
                    continue
                }
                // The mere word within a sentence is no thought.
                if kept.allSatisfy({ $0 == 0x20 || (0x09...0x0D).contains($0) }) { return .unended }
            } else if let mark = marks.firstIndex(where: { begins($0.closing, at: at) }), marks[mark].closing != ends {
                // Templates that open the thoughts themselves leave only the closing mark in the reply.
                kept = []
                at += marks[mark].closing.count
                continue
            }
            kept.append(original[at])
            at += 1
        }
        return .spoken
    }

    /// Also ends a message, so that alone it closes no thought.
    private let ends = Array("<|end|>".utf8)

    private mutating func close(_ mark: Int, from start: Int) -> Int? {
        guard !spent.contains(mark) else { return nil }
        let closing = marks[mark].closing
        var at = start
        while at + closing.count <= bytes.count {
            if begins(closing, at: at) { return at + closing.count }
            at += 1
        }
        spent.insert(mark)
        return nil
    }

    private func begins(_ mark: [UInt8], at place: Int) -> Bool {
        guard bytes[place] == mark[0], place + mark.count <= bytes.count else { return false }
        for offset in 1..<mark.count where bytes[place + offset] != mark[offset] { return false }
        return true
    }
}
