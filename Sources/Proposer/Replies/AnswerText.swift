import Foundation

/// The answer in the reply of a step that gives no code; replies with code are screening's to read.
enum AnswerText {
    /// Line ends as `\n`, without byte order mark and the markers that chat templates leave behind.
    static func normalised(_ text: String) -> String {
        var text = text.replacing("\r\n", with: "\n").replacing("\r", with: "\n")
        if text.hasPrefix("\u{FEFF}") { text.removeFirst() }
        for marker in ["<|im_end|>", "<|eot_id|>", "<|endoftext|>", "<|end|>", "</s>", "<end_of_turn>"] {
            text = text.replacing(marker, with: "")
        }
        return text
    }

    /// How models mark their thoughts.
    private static let marks =
        ["think", "thinking", "reasoning", "thought_process", "seed:think"].map { ("<\($0)>", "</\($0)>") }
        + [("[THINK]", "[/THINK]")]

    /// The text after the model's thoughts; `nil` when it never stopped thinking.
    static func withoutThoughts(_ text: String) -> String? {
        var text = text
        if let final = text.range(of: "<|channel|>final<|message|>", options: .backwards) {
            text = String(text[final.upperBound...])
        }
        for (opening, closing) in marks {
            var (kept, rest) = ("", text[...])
            while let open = rest.range(of: opening, options: .caseInsensitive) {
                guard
                    let close = rest.range(
                        of: closing, options: .caseInsensitive, range: open.upperBound..<rest.endIndex)
                else {
                    // The mere word within a sentence is no thought.
                    if (kept + rest[..<open.lowerBound]).trimmed.isEmpty { return nil }
                    break
                }
                kept += rest[..<open.lowerBound]
                rest = rest[close.upperBound...]
            }
            text = kept + rest
            // Templates that open the thoughts themselves leave only the closing mark in the reply.
            if let close = text.range(of: closing, options: [.caseInsensitive, .backwards]) {
                text = String(text[close.upperBound...])
            }
        }
        return text
    }
}

extension String {
    var nilIfEmpty: String? { isEmpty ? nil : self }
}
