import Evolution
import LabCore

/// Every loss of a campaign so far: its name, which stays unique, and where to find its fingerprint.
struct SeenLosses: Sendable {
    private var names: Set<String> = []
    private var index: FingerprintIndex
    private let novelty: NoveltyFilter

    init(novelty: NoveltyFilter = NoveltyFilter()) {
        self.novelty = novelty
        index = FingerprintIndex(tolerance: novelty.tolerance)
    }

    /// Takes in a loss that is no duplicate.
    mutating func insert(_ id: CandidateID, name: String, fingerprint: Fingerprint?) {
        names.insert(name)
        if let fingerprint { index.insert(fingerprint, id: id, name: name) }
    }

    /// Takes in the losses of a finished generation that its run took in.
    mutating func insert(_ candidates: [Candidate]) {
        for candidate in candidates {
            guard let source = candidate.source else { continue }
            if case .duplicate = candidate.status { continue }
            insert(candidate.id, name: source.name, fingerprint: candidate.fingerprint)
        }
    }

    /// A legal name that no other loss of the campaign has: the wanted one, or that with the candidate's number.
    func uniqueName(_ wanted: String, id: CandidateID) -> String {
        let allowed = wanted.lowercased().unicodeScalars.map { scalar -> Character in
            switch scalar {
            case "a"..."z", "0"..."9", "_", "-": Character(scalar)
            default: "-"
            }
        }
        let legal = allowed.isEmpty ? "loss" : String(allowed.prefix(60))
        return names.contains(legal) ? "\(legal)-\(id)" : legal
    }

    /// Name of the earlier loss that computes the same, if any; `fingerprint` looks up an earlier one's.
    func duplicate(
        of new: Fingerprint, fingerprint: (CandidateID) async throws -> Fingerprint?
    ) async throws -> String? {
        var near: [(name: String, fingerprint: Fingerprint)] = []
        for entry in index.near(new) {
            if let known = try await fingerprint(entry.id) { near.append((entry.name, known)) }
        }
        return novelty.duplicate(of: new, among: near)
    }
}
