import Foundation

/// The answer in a reply of a step that writes no code; a loss is found by screening.
enum ReplyText {
    /// Line ends as `\n`, without byte order mark and the markers that chat templates leave behind.
    static func normalised(_ text: String) -> String {
        var text = text.replacing("\r\n", with: "\n").replacing("\r", with: "\n")
        if text.hasPrefix("\u{FEFF}") { text.removeFirst() }
        for marker in ["<|im_end|>", "<|eot_id|>", "<|endoftext|>", "<|end|>", "</s>", "<end_of_turn>"] {
            text = text.replacing(marker, with: "")
        }
        return text
    }

    /// The text after the model's thoughts; `nil` when it never stopped thinking.
    static func withoutThoughts(_ text: String) -> String? {
        var text = text
        for tag in ["think", "thinking", "reasoning", "thought_process"] {
            while let open = text.range(of: "<\(tag)>", options: .caseInsensitive) {
                guard
                    let close = text.range(
                        of: "</\(tag)>", options: .caseInsensitive, range: open.upperBound..<text.endIndex)
                else { return nil }
                text.removeSubrange(open.lowerBound..<close.upperBound)
            }
            // Templates that open the thoughts themselves leave only the closing tag in the reply.
            if let close = text.range(of: "</\(tag)>", options: [.caseInsensitive, .backwards]) {
                text = String(text[close.upperBound...])
            }
        }
        return text
    }
}
