import Foundation

/// Finding code in plain text: fences, tags, escapes, names.
enum CodeText {
    struct Block {
        let language: String
        let code: String
        /// The fence was never closed.
        let isOpen: Bool
        /// Text before the block, since the block before it.
        let before: String
    }

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

    /// The content of the last `<tag>...</tag>`, or from an unclosed one to the end.
    static func tagged(_ tag: String, in text: String) -> String? {
        guard let open = text.range(of: "<\(tag)>", options: [.caseInsensitive, .backwards]) else { return nil }
        let close = text.range(of: "</\(tag)>", options: .caseInsensitive, range: open.upperBound..<text.endIndex)
        let content = String(text[open.upperBound..<(close?.lowerBound ?? text.endIndex)])
        return content.trimmed.isEmpty ? nil : content
    }

    static func blocks(in text: String) -> [Block] {
        var blocks: [Block] = []
        var before: [Substring] = []
        var open: (fence: String, language: String, lines: [Substring], indent: Int)?
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            let stripped = line.drop { $0 == " " || $0 == "\t" }
            let fence = ["```", "~~~"].first { stripped.hasPrefix($0) }
            if let current = open {
                if let fence, fence == current.fence,
                    stripped.drop(while: { "`~".contains($0) }).allSatisfy(\.isWhitespace)
                {
                    blocks.append(
                        Block(
                            language: current.language, code: dedented(current.lines, by: current.indent),
                            isOpen: false, before: before.joined(separator: "\n")))
                    before = []
                    open = nil
                } else {
                    open?.lines.append(line)
                }
            } else if let fence {
                let language = stripped.drop { "`~".contains($0) }.trimmingCharacters(in: .whitespaces).lowercased()
                open = (fence, language, [], line.count - stripped.count)
            } else {
                before.append(line)
            }
        }
        if let open {
            blocks.append(
                Block(
                    language: open.language, code: dedented(open.lines, by: open.indent), isOpen: true,
                    before: before.joined(separator: "\n")))
        }
        return blocks
    }

    /// A fence inside a list is indented together with its code.
    private static func dedented(_ lines: [Substring], by indent: Int) -> String {
        lines.map { line in
            let spaces = line.prefix(indent).prefix { $0 == " " || $0 == "\t" }.count
            return line.dropFirst(spaces)
        }.joined(separator: "\n")
    }

    static func holdsFunction(_ code: String) -> Bool {
        code.contains(/(^|\n)[ \t]*(async[ \t]+)?def[ \t]+\w+[ \t]*\(/) || code.contains(/(^|\n)[ \t]*class[ \t]+\w+/)
    }

    /// Whether a function here takes log-probabilities, which is what makes it the loss.
    static func holdsLoss(_ code: String) -> Bool {
        guard holdsFunction(code) else { return false }
        return code.contains(/def[ \t]+\w*loss\w*[ \t]*\(/)
            || code.contains(/def[ \t]+\w+[ \t]*\([^)]*(chosen|logp|log_prob)/)
    }

    /// Code whose line breaks were escaped once too often.
    static func unescaped(_ code: String) -> String {
        guard !code.trimmed.contains("\n"), code.contains("\\n") else { return code }
        return code.replacing("\\n", with: "\n").replacing("\\t", with: "    ").replacing("\\\"", with: "\"")
            .replacing("\\'", with: "'").replacing("\\\\", with: "\\")
    }

    /// What the header, the class or the function is called; a function named `loss` has no name of its own.
    static func name(in code: String) -> String? {
        if let match = code.firstMatch(of: /(?m)^#[ \t]*name:[ \t]*([\w\- ]+)$/) { return String(match.1).trimmed }
        if let match = code.firstMatch(of: /(?m)^[ \t]*class[ \t]+(\w+)/) { return String(match.1) }
        let names = code.matches(of: /(?m)^[ \t]*def[ \t]+(\w+)/).map { String($0.1) }
        let plain: Set<String> = ["loss", "forward", "compute_loss", "loss_fn", "__call__"]
        return names.contains(where: plain.contains) ? nil : names.last { $0 != "__init__" }
    }

    /// A line such as `**Name:** smooth-margin`.
    static func announcedName(in prose: String) -> String? {
        let pattern = /(?mi)^[#*\-\s\d.]*(?:loss )?name[*_`"]*[ \t]*[:=][*_`"\s]*([A-Za-z][\w\- ]{0,58})/
        return prose.firstMatch(of: pattern).map { String($0.1).trimmed }
    }
}
