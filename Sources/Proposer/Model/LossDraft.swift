import LabCore

/// A model's reply and what the check found in it.
struct LossDraft: Sendable {
    /// The reply; of a completion with the header that it goes on from.
    let text: String
    let reply: ReplyContext
    /// `nil` for a reply that was not read, such as a refusal.
    let screening: Screening?
    let findings: [ProposalTrace.Finding]

    var isSound: Bool { findings.isEmpty }

    /// A loss that is there already, word for word or by what it computes.
    var isCopy: Bool { findings.contains { $0.code == "copied" || $0.code == "duplicate" } }

    /// The loss as the repairing model reads it; of a reply without one, the reply.
    var code: String {
        guard let source = screening?.source else { return text.trimmed }
        return ShortLoss(source)?.function(named: "loss", note: nil) ?? EvidenceText.withoutHeader(source)
    }

    /// What is wrong, one sentence a finding, each with the line it speaks of.
    var problems: [String] {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        var told: Set<String> = []
        let sentences = findings.filter { told.insert($0.message).inserted }.prefix(2).map { finding in
            let message = finding.message.trimmed
            let sentence = message.prefix(1).uppercased() + message.dropFirst() + (message.hasSuffix(".") ? "" : ".")
            guard let line = finding.line, lines.indices.contains(line - 1) else { return sentence }
            let code = String(lines[line - 1]).trimmed
            return code.isEmpty ? sentence : "\(sentence) It stands in: `\(code)`"
        }
        return sentences.isEmpty ? [] : sentences + [leftOut].compactMap(\.self)
    }

    /// `nil` where nothing was cut out.
    var removed: [String]? { screening?.removed.flatMap { $0.isEmpty ? nil : $0 } }

    /// What reading cut out of the text, in one sentence.
    var leftOut: String? {
        guard let removed else { return nil }
        return "Left out of your code when it was read: \(removed.prefix(3).joined(separator: "; "))."
    }

    var shapeInWords: String {
        let words = screening?.shape?.words ?? []
        return ([words.isEmpty ? "Nothing was measured." : words.joined(separator: " ")] + [leftOut].compactMap(\.self))
            .joined(separator: " ")
    }
}
