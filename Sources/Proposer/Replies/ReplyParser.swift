/// Turns what models really send into a draft: JSON sound or not, fences, tags, prose around code, escaped code.
///
/// Order of trust: a JSON object that carries code; tags; fenced blocks; bare code. Of several answers the last counts,
/// since models correct themselves downwards. Whether the code is a loss at all is screening's question.
public enum ReplyParser {
    private static let codeKeys = [
        "code", "loss_code", "python", "implementation", "source", "function", "program", "loss", "loss_function",
    ]
    private static let thoughtKeys = [
        "thought", "thoughts", "reasoning", "idea", "rationale", "explanation", "description",
    ]
    private static let nameKeys = ["name", "title", "loss_name", "id"]

    /// - Parameter isCutOff: the server says that the token limit ended the reply.
    public static func draft(from reply: String, isCutOff: Bool = false) throws(ReplyProblem) -> LossDraft {
        let text = CodeText.normalised(reply)
        guard !text.trimmed.isEmpty else {
            throw ReplyProblem(.empty, "the reply was empty")
        }
        guard let answer = CodeText.withoutThoughts(text) else {
            throw ReplyProblem(.thoughtsOnly, "the reply ended within its thoughts, before any answer; think less")
        }
        guard !answer.trimmed.isEmpty else {
            throw ReplyProblem(.thoughtsOnly, "the reply held thoughts and no answer")
        }
        let draft = fromJSON(answer) ?? fromTags(answer) ?? fromFences(answer) ?? fromBareCode(answer)
        guard let draft else {
            if isCutOff { throw cutOff }
            throw ReplyProblem(.noCode, "the reply held no Python function")
        }
        // A reply that was cut off after its code is whole is as good as any.
        if isCutOff, !looksWhole(draft.code) { throw cutOff }
        return draft
    }

    private static var cutOff: ReplyProblem {
        ReplyProblem(.cutOff, "the reply was cut off by the token limit before the code was complete; be briefer")
    }

    private static func looksWhole(_ code: String) -> Bool {
        guard let last = code.split(separator: "\n").last(where: { !String($0).trimmed.isEmpty }) else { return false }
        let text = String(last).trimmed
        let balanced = code.filter { "([{".contains($0) }.count == code.filter { ")]}".contains($0) }.count
        return balanced && (text.hasPrefix("return") || text.hasPrefix("```") || text.hasPrefix("#"))
    }

    private static func fromJSON(_ text: String) -> LossDraft? {
        for found in LenientJSON.objects(in: text).reversed() {
            guard let fields = answer(in: found.value) else { continue }
            let lowered = Dictionary(fields.map { ($0.key.lowercased(), $0.value) }) { first, _ in first }
            guard let written = codeKeys.lazy.compactMap({ lowered[$0]?.text }).first(where: { !$0.trimmed.isEmpty })
            else { continue }
            let code = unwrapped(written)
            guard CodeText.holdsFunction(code) || lowered["code"] != nil else { continue }
            let name = nameKeys.lazy.compactMap { lowered[$0]?.text }.first { !$0.trimmed.isEmpty }
            let thought = thoughtKeys.lazy.compactMap { lowered[$0]?.text }.first { !$0.trimmed.isEmpty }
            return LossDraft(name: name ?? CodeText.name(in: code), thought: thought?.trimmed, code: code)
        }
        return nil
    }

    /// The object itself, or the one inside a wrapper such as `{"answer": {...}}`.
    private static func answer(in value: LenientJSON.Value) -> [String: LenientJSON.Value]? {
        guard let fields = value.fields else { return nil }
        if fields.keys.contains(where: { codeKeys.contains($0.lowercased()) }),
            fields.values.contains(where: { $0.text != nil })
        {
            return fields
        }
        for key in fields.keys.sorted() {
            if let inner = fields[key].flatMap({ answer(in: $0) }) { return inner }
            if case .list(let values)? = fields[key], let inner = values.lazy.compactMap({ answer(in: $0) }).first {
                return inner
            }
        }
        return nil
    }

    /// Fences within a JSON string, and line breaks escaped twice.
    private static func unwrapped(_ code: String) -> String {
        let text = CodeText.unescaped(code)
        let blocks = CodeText.blocks(in: text).filter { CodeText.holdsFunction($0.code) }
        return blocks.isEmpty ? text : joined(blocks)
    }

    private static func fromTags(_ text: String) -> LossDraft? {
        for tag in ["code", "python", "loss", "answer", "solution"] {
            guard let content = CodeText.tagged(tag, in: text) else { continue }
            let code = unwrapped(content)
            guard CodeText.holdsFunction(code) else { continue }
            return LossDraft(
                name: CodeText.tagged("name", in: text)?.trimmed ?? CodeText.announcedName(in: text)
                    ?? CodeText.name(in: code),
                thought: CodeText.tagged("thought", in: text)?.trimmed, code: code)
        }
        return nil
    }

    private static func fromFences(_ text: String) -> LossDraft? {
        let all = CodeText.blocks(in: text)
        let blocks = all.filter { CodeText.holdsFunction($0.code) }
        guard !blocks.isEmpty else { return nil }
        let code = joined(blocks)
        let prose = all.map(\.before).joined(separator: "\n")
        return LossDraft(
            name: CodeText.announcedName(in: prose) ?? CodeText.name(in: code),
            thought: all.first.map(\.before)?.trimmed.nilIfEmpty, code: code)
    }

    /// The last block with a loss in it, and before it the blocks of helpers; without any such, the last block.
    private static func joined(_ blocks: [CodeText.Block]) -> String {
        guard let main = blocks.lastIndex(where: { CodeText.holdsLoss($0.code) }) else {
            return blocks.last?.code ?? ""
        }
        let helpers = blocks[..<main].filter { !CodeText.holdsLoss($0.code) }
        return (helpers + [blocks[main]]).map(\.code).joined(separator: "\n\n")
    }

    private static func fromBareCode(_ text: String) -> LossDraft? {
        let code = CodeText.unescaped(text)
        guard CodeText.holdsFunction(code) else { return nil }
        let start = code.firstMatch(of: /(?m)^[ \t]*(def|class|import|from|async)[ \t]/)?.range.lowerBound
        let prose = start.map { String(code[..<$0]) } ?? ""
        return LossDraft(
            name: CodeText.announcedName(in: prose) ?? CodeText.name(in: code), thought: prose.trimmed.nilIfEmpty,
            code: code)
    }
}

extension String {
    var nilIfEmpty: String? { isEmpty ? nil : self }
}
