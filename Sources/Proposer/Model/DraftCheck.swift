import LabCore

/// The step without a model: screening, and whether an earlier loss computes the same.
struct DraftCheck: Sendable {
    let screener: any LossScreener
    /// Fingerprint distance up to which two losses are one.
    let tolerance: Double

    /// What was found out about one draft.
    struct Result: Sendable {
        let screening: Screening?
        let findings: [ProposalTrace.Finding]

        var isSound: Bool { findings.isEmpty }
        /// The findings as the repairing model reads them.
        var text: String {
            findings.map { finding in
                let place = finding.line.map { " (line \($0))" } ?? ""
                return "- \(finding.code)\(place): \(finding.message)"
            }.joined(separator: "\n")
        }
        var shapeInWords: String {
            let words = screening?.shape?.words ?? []
            return words.isEmpty ? "Nothing was measured." : words.joined(separator: " ")
        }
    }

    func check(_ draft: LossDraft, name: String, against snapshot: ArchiveSnapshot) async throws -> Result {
        let screening = try await screener.screen(draft.code, name: name)
        guard screening.accepted else {
            let unexplained = Rejection(code: "protocol", message: "screening refused the loss without a reason")
            let rejections = screening.rejections.isEmpty ? [unexplained] : screening.rejections
            return Result(
                screening: screening,
                findings: rejections.map { .init(code: $0.code, message: $0.message, line: $0.line) })
        }
        guard let twin = twin(of: screening.fingerprint, in: snapshot) else {
            return Result(screening: screening, findings: [])
        }
        let message =
            "it computes the same as the earlier loss \(twin), up to a constant and a factor; change what it computes, "
            + "not how it is written"
        return Result(screening: screening, findings: [.init(code: "duplicate", message: message, line: nil)])
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
