import LabCore

/// Chooses the few losses whose code a writing model sees: parents, the best, those a hypothesis speaks of, and ones that
/// compute something else. Without a model: the same snapshot and hypothesis give the same losses.
struct EvidenceSelection {
    private let scored: [Candidate]

    init(_ snapshot: ArchiveSnapshot) {
        scored = snapshot.scored.filter { $0.source?.isControl != true }.sorted { left, right in
            let (a, b) = (left.fitness ?? -.infinity, right.fitness ?? -.infinity)
            return a == b ? left.id < right.id : a > b
        }
    }

    func losses(for hypothesis: String, parents: [CandidateID], count: Int) -> [Candidate] {
        var chosen: [Candidate] = []
        func take(_ candidate: Candidate?) {
            guard let candidate, chosen.count < count, !chosen.contains(where: { $0.id == candidate.id }) else {
                return
            }
            chosen.append(candidate)
        }
        take(scored.first)
        // At most half the places, so that there is room for something else.
        for parent in parents.prefix(max(1, count / 2)) { take(scored.first { $0.id == parent }) }
        take(mostRelevant(to: hypothesis, besides: chosen))
        while chosen.count < count, let next = mostDifferent(from: chosen) { take(next) }
        return chosen
    }

    /// The loss that shares most words with the hypothesis, by name, shape and note; rare words count more.
    private func mostRelevant(to hypothesis: String, besides chosen: [Candidate]) -> Candidate? {
        let sought = Self.words(hypothesis)
        let texts = scored.map { candidate in
            Self.words(
                "\(EvidenceText.name(of: candidate)) \(candidate.source?.title ?? "") \(candidate.proposal.note ?? "") "
                    + (candidate.shape?.words.joined(separator: " ") ?? ""))
        }
        var frequency: [String: Int] = [:]
        for text in texts { for word in text { frequency[word, default: 0] += 1 } }
        var best: (candidate: Candidate, score: Double)?
        for (candidate, text) in zip(scored, texts) where !chosen.contains(where: { $0.id == candidate.id }) {
            let score = text.intersection(sought).sorted().reduce(0.0) { $0 + 1 / Double(frequency[$1] ?? 1) }
            if score > best?.score ?? 0 { best = (candidate, score) }
        }
        return best?.candidate
    }

    /// Of the better half, the loss whose fingerprint is farthest from all chosen; without fingerprints the next best.
    private func mostDifferent(from chosen: [Candidate]) -> Candidate? {
        let open = scored.filter { candidate in !chosen.contains { $0.id == candidate.id } }
        let pool = open.prefix(max(4, open.count / 2))
        var best: (candidate: Candidate, distance: Double)?
        for candidate in pool {
            let distances = chosen.compactMap { other -> Double? in
                guard let a = candidate.fingerprint, let b = other.fingerprint else { return nil }
                let distance = a.distance(to: b)
                return distance.isFinite ? distance : nil
            }
            let distance = distances.min() ?? 0
            if distance > best?.distance ?? -1 { best = (candidate, distance) }
        }
        return best?.candidate
    }

    private static func words(_ text: String) -> Set<String> {
        Set(
            text.lowercased().split { !($0.isLetter || $0.isNumber) }.map(String.init)
                .filter { $0.count > 3 && !common.contains($0) })
    }

    private static let common: Set<String> = [
        "loss", "losses", "that", "with", "this", "than", "margin", "pairs", "should", "score", "higher", "more",
        "from",
        "into", "only", "does", "stops", "still", "where", "which", "beta", "when", "they", "have", "pull", "pulls",
    ]
}
