import LabCore

/// The step without a model: what screening finds in a reply, and whether an earlier loss computes the same.
struct DraftCheck: Sendable {
    let screener: any LossScreener
    /// Fingerprint distance up to which two losses are one.
    let tolerance: Double

    func check(_ text: String, _ reply: ReplyContext, against snapshot: ArchiveSnapshot) async throws -> LossDraft {
        let screening = try await screener.screen(text, name: nil, reply: reply)
        func draft(_ findings: [ProposalTrace.Finding]) -> LossDraft {
            LossDraft(text: text, reply: reply, screening: screening, findings: findings)
        }
        guard screening.accepted else {
            let unexplained = Rejection(code: "protocol", message: "screening refused the loss without a reason")
            let rejections = screening.rejections.isEmpty ? [unexplained] : screening.rejections
            return draft(rejections.map { .init(code: $0.code, message: $0.message, line: $0.line) })
        }
        guard let twin = twin(of: screening.fingerprint, in: snapshot) else { return draft([]) }
        let message =
            "It computes the same as the earlier loss \(twin), up to a constant and a factor: change what it computes, "
            + "not how it is written."
        return draft([.init(code: "duplicate", message: message, line: nil)])
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
