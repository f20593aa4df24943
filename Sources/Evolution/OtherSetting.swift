import LabCore

/// A catalogue loss once more, at its second or third best setting, as an opponent of its own in the confirmation.
///
/// Where many candidates tie with the best catalogue loss, the luckiest tuned of them beats it by the catalogue's unlucky
/// setting alone in up to 9 % of simulated campaigns. Having to beat its next two settings as well brings that to 5 %, for
/// a loss of power of half a per cent.
public enum OtherSetting {
    private static let suffixes = [" (second setting)", " (third setting)"]

    /// Whether a confirmed score is a catalogue loss's at another than its best setting.
    ///
    /// Only the verdict needs those; a transfer world can do without them.
    public static func isOne(_ name: String) -> Bool { suffixes.contains { name.hasSuffix($0) } }

    /// Whether a confirmed score is that of the loss called `name`, at whichever setting.
    static func isOfLoss(_ name: String, _ confirmed: String) -> Bool {
        confirmed == name || suffixes.contains { confirmed == name + $0 }
    }

    /// The loss at its next best settings, at most `count` of them.
    static func of(_ candidate: Candidate, count: Int) -> [Candidate] {
        guard let tuned = candidate.tuned else { return [] }
        return zip(tuned.runnersUp, suffixes).prefix(count).map { other, suffix in
            renamed(
                candidate, candidate.name + suffix,
                TunedScore(
                    setting: other.setting, score: other.score, greedy: tuned.greedy, kl: nil, fidelity: tuned.fidelity,
                    table: [], greedyTable: [], seeds: tuned.seeds, trials: tuned.trials, onGridEdge: tuned.onGridEdge))
        }
    }

    private static func renamed(_ candidate: Candidate, _ name: String, _ tuned: TunedScore) -> Candidate {
        let source = candidate.source.map { source in
            LossSource(
                name: name, text: source.text, origin: source.origin, beta: source.beta, title: source.title,
                reference: source.reference, parents: source.parents, isControl: source.isControl)
        }
        let proposal = LossProposal(
            name: name, text: candidate.proposal.text, parents: candidate.proposal.parents,
            operation: candidate.proposal.operation, genome: candidate.proposal.genome, note: candidate.proposal.note)
        return Candidate(
            id: candidate.id, arm: candidate.arm, generation: candidate.generation, proposal: proposal, source: source,
            fingerprint: candidate.fingerprint, shape: candidate.shape, status: candidate.status, tuned: tuned)
    }
}
