import ChatClient
import LabCore

/// The step without a model: screening reads the reply and checks the loss in it; then whether an earlier loss computes
/// the same.
struct DraftCheck: Sendable {
    let screener: any LossScreener
    /// Fingerprint distance up to which two losses are one.
    let tolerance: Double

    /// A reply and what was found out about the loss in it.
    struct Result: Sendable {
        let reply: String
        let context: ReplyContext
        let screening: Screening
        let findings: [ProposalTrace.Finding]

        var isSound: Bool { findings.isEmpty }
        /// The loss in file form without its header, or the reply as it came where no loss was found in it.
        var code: String { screening.source.map(EvidenceText.withoutHeader) ?? reply.trimmed }
        /// Why there is nothing in the reply that could be repaired.
        var problem: ReplyProblem? {
            guard screening.source == nil, let finding = findings.first,
                let kind = ReplyProblem.Kind(rawValue: finding.code)
            else { return nil }
            return ReplyProblem(kind, finding.message)
        }
        /// The findings as the repairing model reads them.
        var text: String {
            findings.map { finding in
                let place = finding.line.map { " (line \($0))" } ?? ""
                return "- \(finding.code)\(place): \(finding.message)"
            }.joined(separator: "\n")
        }
        var shapeInWords: String {
            let words = screening.shape?.words ?? []
            return words.isEmpty ? "Nothing was measured." : words.joined(separator: " ")
        }
    }

    /// - Parameters:
    ///   - messages: the prompt that the reply answers.
    ///   - shown: code of the losses in the prompt.
    func check(
        _ reply: ChatReply, to messages: [ChatMessage], shown: [String], against snapshot: ArchiveSnapshot
    ) async throws -> Result {
        let context = ReplyContext(
            isCutOff: reply.choices.first?.finish == .length, shown: shown,
            prompt: messages.filter { $0.role != .assistant }.map(\.content).joined(separator: "\n\n"))
        let screening = try await screener.screen(reply.text, name: nil, reply: context)
        func result(_ findings: [ProposalTrace.Finding]) -> Result {
            Result(reply: reply.text, context: context, screening: screening, findings: findings)
        }
        guard screening.accepted else {
            let unexplained = Rejection(code: "protocol", message: "screening refused the loss without a reason")
            let rejections = screening.rejections.isEmpty ? [unexplained] : screening.rejections
            return result(rejections.map { .init(code: $0.code, message: $0.message, line: $0.line) })
        }
        guard let twin = twin(of: screening.fingerprint, in: snapshot) else { return result([]) }
        let message =
            "it computes the same as the earlier loss \(twin), up to a constant and a factor; change what it computes, "
            + "not how it is written"
        return result([.init(code: "duplicate", message: message, line: nil)])
    }

    /// The nearest earlier loss within the tolerance; the first among equals.
    private func twin(of fingerprint: Fingerprint?, in snapshot: ArchiveSnapshot) -> String? {
        guard let fingerprint else { return nil }
        var nearest: (name: String, distance: Double)?
        for candidate in snapshot.candidates {
            if case .failed = candidate.status { continue }
            guard let other = candidate.fingerprint else { continue }
            let distance = fingerprint.distance(to: other)
            if distance <= tolerance, distance < nearest?.distance ?? .infinity {
                nearest = (candidate.source?.name ?? candidate.proposal.name, distance)
            }
        }
        return nearest?.name
    }
}
