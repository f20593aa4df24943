import LabCore

/// What a model is told of the losses so far: scores with their errors, what is noise, shapes in words, lineage, code.
struct EvidenceText {
    /// Losses in the table of scores.
    private static let rows = 14
    private static let failuresShown = 8

    private let ranked: [Candidate]
    private let snapshot: ArchiveSnapshot
    private let dpo: TunedScore?

    init(_ snapshot: ArchiveSnapshot) {
        self.snapshot = snapshot
        // Losses that are bad on purpose teach nothing here.
        ranked = snapshot.scored.filter { $0.source?.isControl != true }.sorted { left, right in
            let (a, b) = (left.tuned?.score.mean ?? -.infinity, right.tuned?.score.mean ?? -.infinity)
            return a == b ? left.id < right.id : a > b
        }
        dpo = ranked.first { Self.name(of: $0) == "dpo" }?.tuned
    }

    static func name(of candidate: Candidate) -> String { candidate.source?.name ?? candidate.proposal.name }

    /// The table of the best, and in sentences which of its differences mean nothing.
    var scores: String {
        guard let best = ranked.first, let top = best.tuned else { return "No loss has been scored yet." }
        let shown = ranked.enumerated().filter { $0.offset < Self.rows || Self.name(of: $0.element) == "dpo" }
            .map(\.element)
        var lines = shown.map { line($0) }
        let hidden = ranked.count - shown.count
        if hidden > 0 { lines.append("(\(hidden) more score lower.)") }
        let tied = shown.dropFirst().filter { candidate in
            candidate.tuned.map { !isBeyondNoise(top.difference(from: $0)) } ?? false
        }
        lines.append("")
        if tied.isEmpty {
            lines.append("\(Self.name(of: best)) is the best beyond noise.")
        } else {
            let names = tied.map { Self.name(of: $0) }.joined(separator: ", ")
            lines.append(
                "Within noise of the best, \(Self.name(of: best)): \(names). Their order means nothing; do not reason "
                    + "from it.")
        }
        return lines.joined(separator: "\n")
    }

    /// `name: score 6.512 ± 0.043 (3 seeds), from dpo +0.210 ± 0.060, beyond noise; shape`.
    private func line(_ candidate: Candidate) -> String {
        guard let tuned = candidate.tuned else { return "" }
        let shape = candidate.shape?.words.prefix(2).joined(separator: " ") ?? ""
        return "- \(Self.name(of: candidate)): \(score(tuned)); \(comparison(candidate, tuned))"
            + (shape.isEmpty ? "" : ". \(shape)")
    }

    private func score(_ tuned: TunedScore) -> String {
        let seeds =
            tuned.seeds.count == 1 ? "1 seed, so the error leaves out the seed's own" : "\(tuned.seeds.count) seeds"
        return "score \(Self.withError(tuned.score)) (\(seeds))"
    }

    private func comparison(_ candidate: Candidate, _ tuned: TunedScore) -> String {
        guard Self.name(of: candidate) != "dpo" else { return "the loss that all are compared with" }
        guard let difference = dpo.flatMap({ tuned.difference(from: $0) }) else { return "not compared with dpo" }
        let sign = difference.mean >= 0 ? "+" : ""
        return "from dpo \(sign)\(Self.withError(difference)), "
            + (isBeyondNoise(difference) ? "beyond noise" : "within noise")
    }

    /// Whether the 95 % interval of a difference leaves out zero; never without an error.
    private func isBeyondNoise(_ difference: Estimate?) -> Bool {
        guard let interval = difference?.interval() else { return false }
        return !interval.contains(0)
    }

    /// Latest rejections and duplicates with their reasons. What failed by our fault is not among them.
    var failures: String {
        let lines = snapshot.candidates.reversed().compactMap { candidate -> String? in
            switch candidate.status {
            case .rejected(let rejection):
                "- \(Self.name(of: candidate)): rejected, \(rejection.code): \(rejection.message)\(Self.leftOut(candidate))"
            case .duplicate(let earlier): "- \(Self.name(of: candidate)): computes the same as \(earlier)"
            case .scored, .failed: nil
            }
        }
        return lines.isEmpty ? "None." : lines.prefix(Self.failuresShown).joined(separator: "\n")
    }

    /// What reading cut out of the text that a candidate came from.
    static func leftOut(_ candidate: Candidate) -> String {
        let removed = ProposalTrace(genome: candidate.proposal.genome)?.attempts.last?.removed ?? []
        return removed.isEmpty ? "" : " (left out of its text: \(removed.prefix(2).joined(separator: "; ")))"
    }

    /// The losses that selection chose to start from.
    func start(from parents: [Candidate]) -> String {
        guard !parents.isEmpty else { return "No particular loss." }
        return parents.map { parent in
            let score = parent.tuned.map { ", \(self.score($0))" } ?? ""
            return "- \(Self.name(of: parent))\(score)\(lineage(parent).map { ", \($0)" } ?? "")"
        }.joined(separator: "\n")
    }

    /// `made from a (score 6.1) by mutation`, if it was made from anything.
    private func lineage(_ candidate: Candidate) -> String? {
        let parents = candidate.proposal.parents.map { id -> String in
            guard let parent = snapshot.candidate(id) else { return "an earlier loss" }
            let score = parent.tuned.map { " (\(Self.withError($0.score)))" } ?? ""
            return "\(Self.name(of: parent))\(score)"
        }
        return parents.isEmpty
            ? nil : "made from \(parents.joined(separator: " and ")) by \(candidate.proposal.operation)"
    }

    static func withError(_ estimate: Estimate) -> String {
        decimals(estimate.mean) + (estimate.standardError.map { " ± " + decimals($0) } ?? " (no error known)")
    }

    /// `6.54 ± 0.15`: every digit is a token, and the third one says nothing.
    static func short(_ estimate: Estimate) -> String {
        decimals(estimate.mean, 2) + (estimate.standardError.map { " ± " + decimals($0, 2) } ?? "")
    }

    /// So many decimals, whatever the locale.
    static func decimals(_ value: Double, _ places: Int = 3) -> String {
        guard value.isFinite, abs(value) < 1e12 else { return "\(value)" }
        let scale = (0..<places).reduce(1) { product, _ in product * 10 }
        let parts = Int((abs(value) * Double(scale)).rounded(.toNearestOrEven))
        let fraction = String(parts % scale)
        let padded = String(repeating: "0", count: places - fraction.count) + fraction
        return "\(value < 0 && parts > 0 ? "-" : "")\(parts / scale).\(padded)"
    }

    /// The file without its header comments, which say nothing about what it computes.
    static func withoutHeader(_ text: String) -> String {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        guard lines.first?.hasPrefix("# ---") == true,
            let end = lines.dropFirst().firstIndex(where: { $0.hasPrefix("# ---") })
        else { return text.trimmed }
        return lines[(end + 1)...].joined(separator: "\n").trimmed
    }
}
