public import LabCore

/// Recognises a loss that has been seen before, by what it computes rather than how it is written.
public struct NoveltyFilter: Sendable {
    /// Root mean square distance of two normalised fingerprints under which they count as the same loss.
    ///
    /// Fingerprints are in units of the mean pull on the policy, so this is a thousandth of it: far above what rewriting a
    /// loss does to its rounding (1e-7), far below what any training could tell apart. Screening uses the same.
    public static let defaultTolerance = 1e-3

    public let tolerance: Double

    public init(tolerance: Double = defaultTolerance) {
        self.tolerance = tolerance
    }

    /// Name of the nearest earlier loss within the tolerance, or `nil` for a new loss.
    ///
    /// Equal distances go to the one that comes first.
    public func duplicate(
        of fingerprint: Fingerprint, among earlier: [(name: String, fingerprint: Fingerprint)]
    ) -> String? {
        var nearest: (name: String, distance: Double)?
        for (name, other) in earlier {
            let distance = fingerprint.distance(to: other)
            if distance <= tolerance, distance < nearest?.distance ?? .infinity { nearest = (name, distance) }
        }
        return nearest?.name
    }

    /// The same against a snapshot: catalogue losses and earlier candidates alike.
    ///
    /// Rejected and duplicate candidates are compared too: proposing a refused loss again costs nothing either.
    public func duplicate(of fingerprint: Fingerprint, in snapshot: ArchiveSnapshot) -> String? {
        duplicate(
            of: fingerprint,
            among: snapshot.candidates.compactMap { candidate in
                candidate.fingerprint.map { (candidate.source?.name ?? candidate.proposal.name, $0) }
            })
    }
}
