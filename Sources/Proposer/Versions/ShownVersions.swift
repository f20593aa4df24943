import Foundation
import LabCore

/// The few losses that a completion goes on from: versions of one function, the best last.
///
/// They are drawn by the request's seed, each in proportion to exp(score / T), where T is twice the scores' median standard
/// error: what noise cannot tell apart is shown about alike, so that the drafts of a generation do not all go on from the
/// one loss that happens to lead. (With the leader in most prompts, two drafts in three copied it or one another.)
struct ShownVersions: Sendable {
    /// A loss and its short form.
    typealias Version = (candidate: Candidate, short: ShortLoss)

    /// In ascending order of score.
    let losses: [Version]

    init(for request: ProposalRequest, count: Int) {
        var open: [Version] = []
        for candidate in request.snapshot.scored {
            guard let source = candidate.source, !source.isControl, let short = ShortLoss(source.text),
                !open.contains(where: { $0.short == short })
            else { continue }
            open.append((candidate, short))
        }
        let temperature = Self.temperature(open.compactMap { $0.candidate.tuned?.score.standardError })
        let best = open.map { Self.score($0.candidate) }.max() ?? 0
        var generator = SeededGenerator(seed: request.seed, stream: 11)
        var chosen: [Version] = []
        while chosen.count < count, !open.isEmpty {
            let weights = open.map { exp((Self.score($0.candidate) - best) / temperature) }
            var point = generator.uniform() * weights.reduce(0, +)
            let index = weights.firstIndex {
                point -= $0
                return point < 0
            }
            chosen.append(open.remove(at: index ?? open.count - 1))
        }
        losses = chosen.sorted { Self.score($0.candidate) < Self.score($1.candidate) }
    }

    /// Twice the median of the standard errors; scores without errors are told apart from a tenth of a point on.
    private static func temperature(_ errors: [Double]) -> Double {
        guard !errors.isEmpty else { return 0.1 }
        return max(2 * errors.sorted()[errors.count / 2], 1e-6)
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
