import LabCore

/// The few losses that a completion goes on from: versions of one function, the best last.
///
/// The parents that selection chose come first; the places left go to losses of the better half, drawn by the request's
/// seed, so that the drafts of a generation do not all start from the same text.
struct ShownVersions: Sendable {
    /// A loss and its short form, in ascending order of score.
    let losses: [(candidate: Candidate, short: ShortLoss)]

    init(for request: ProposalRequest, count: Int) {
        let scored = request.snapshot.scored.compactMap { candidate -> (candidate: Candidate, short: ShortLoss)? in
            guard let source = candidate.source, !source.isControl else { return nil }
            return ShortLoss(source.text).map { (candidate, $0) }
        }.sorted { Self.score($0.candidate) > Self.score($1.candidate) }
        var chosen: [(candidate: Candidate, short: ShortLoss)] = []
        func take(_ loss: (candidate: Candidate, short: ShortLoss)) {
            let isNew = !chosen.contains { $0.candidate.id == loss.candidate.id || $0.short == loss.short }
            if chosen.count < count, isNew { chosen.append(loss) }
        }
        for parent in request.parents { scored.first { $0.candidate.id == parent.id }.map(take) }
        var generator = SeededGenerator(seed: request.seed, stream: 11)
        for loss in scored.prefix(max(count, (scored.count + 1) / 2)).shuffled(using: &generator) { take(loss) }
        losses = chosen.sorted { Self.score($0.candidate) < Self.score($1.candidate) }
    }

    private static func score(_ candidate: Candidate) -> Double { candidate.tuned?.score.mean ?? -.infinity }

    var names: [String] { losses.map { EvidenceText.name(of: $0.candidate) } }

    /// The functions as the model sees them, `loss_v0` first.
    var functions: [String] {
        losses.enumerated().map { number, loss in
            loss.short.function(named: "loss_v\(number)", note: Self.note(number, loss.candidate))
        }
    }

    /// The header that the model goes on from.
    var next: String {
        let note = losses.isEmpty ? "A loss." : "Improved version of loss_v\(losses.count - 1)."
        return "def loss_v\(losses.count)(\(ShortLoss.parameters)):\n    \"\"\"\(note)\"\"\""
    }

    private static func note(_ number: Int, _ candidate: Candidate) -> String {
        let score = candidate.tuned.map { "Score \(EvidenceText.short($0.score))." } ?? "Not scored."
        return number == 0 ? score : "Improved version of loss_v\(number - 1). \(score)"
    }
}
