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
}

extension String {
    var nilIfEmpty: String? { isEmpty ? nil : self }
}
