import LabCore

/// A catalogue loss once more, at the second best setting of its tuning.
enum SecondSetting {
    private static let suffix = " (second setting)"

    /// Whether a confirmed score is that of the loss called `name`, at either setting.
    static func isOfLoss(_ name: String, _ confirmed: String) -> Bool {
        confirmed == name || confirmed == name + suffix
    }

    /// The loss with its second best setting in place of the best, or `nil` where there is none.
    static func of(_ candidate: Candidate) -> Candidate? {
        guard let tuned = candidate.tuned, let second = tuned.runnerUp else { return nil }
        let name = candidate.name + suffix
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
            fingerprint: candidate.fingerprint, shape: candidate.shape, status: candidate.status,
            tuned: TunedScore(
                setting: second.setting, score: second.score, greedy: tuned.greedy, kl: nil, fidelity: tuned.fidelity,
                table: [], greedyTable: [], seeds: tuned.seeds, trials: tuned.trials, onGridEdge: tuned.onGridEdge))
    }
}
