import ChatClient

/// What the analysing step concludes.
public struct Analysis: Codable, Sendable, Equatable {
    /// What the scores teach.
    public let lesson: String
    /// What has not been tried.
    public let gap: String
    /// What the next loss shall test.
    public let hypothesis: String

    static func parse(_ reply: String) throws(ReplyProblem) -> Analysis {
        let text = try answered(reply)
        for found in LenientJSON.objects(in: text).reversed() {
            guard let fields = found.value.fields else { continue }
            func field(_ name: String) -> String { fields[name]?.text?.trimmed ?? "" }
            guard !field("hypothesis").isEmpty else { continue }
            return Analysis(
                lesson: shortened(field("lesson")), gap: shortened(field("gap")),
                hypothesis: shortened(field("hypothesis")))
        }
        throw ReplyProblem(.form, "the reply was no JSON object with the keys lesson, gap and hypothesis")
    }
}

/// Changes that the critique asks for; none when it is content.
public struct Critique: Codable, Sendable, Equatable {
    public let edits: [String]

    static func parse(_ reply: String) throws(ReplyProblem) -> Critique {
        let text = try answered(reply)
        for found in LenientJSON.objects(in: text).reversed() {
            guard let fields = found.value.fields, let edits = fields["edits"] else { continue }
            if case .list(let values) = edits {
                return Critique(edits: values.compactMap { $0.text?.trimmed.nilIfEmpty }.prefix(5).map(shortened))
            }
            guard let only = edits.text?.trimmed, !only.isEmpty, only != "null", only.lowercased() != "none" else {
                return Critique(edits: [])
            }
            return Critique(edits: [shortened(only)])
        }
        throw ReplyProblem(.form, "the reply was no JSON object with a list of edits")
    }
}

/// Bytes of a reply that are read; an answer of a few sentences has far fewer.
private let longestReply = 65_536

private func answered(_ reply: String) throws(ReplyProblem) -> String {
    guard reply.utf8.count <= longestReply else {
        throw ReplyProblem(
            .form, "the reply has \(reply.utf8.count) bytes, more than the \(longestReply) that are read")
    }
    guard !AnswerText.normalised(reply).trimmed.isEmpty else { throw ReplyProblem(.empty, "the reply was empty") }
    let answer = AnswerText.normalised(SpokenText(of: reply).text)
    guard !answer.trimmed.isEmpty else {
        throw ReplyProblem(.thoughtsOnly, "the reply held thoughts and no answer")
    }
    return answer
}

/// Text that goes on into another prompt has a bound.
private func shortened(_ text: String) -> String { text.count > 1_200 ? String(text.prefix(1_200)) + "…" : text }
