import LabCore

/// The published loop's way with the same losses: one seed, one setting for all, one judging, the best of N against DPO.
struct PublishedProtocol {
    let world: SimulatedWorld
    let worldName: String
    let setting: Setting
    let seed: Int

    /// What it would claim: the best candidate, and its lead over DPO as it would be reported.
    func claim(catalogue: [SimulatedLoss], candidates: [SimulatedLoss]) -> (winner: SimulatedLoss, lead: Double)? {
        guard let dpo = catalogue.first(where: { $0.name == "dpo" }) else { return nil }
        let scored = candidates.map { (winner: $0, score: score(of: $0)) }
        guard let best = scored.max(by: { $0.score < $1.score }) else { return nil }
        return (best.winner, best.score - score(of: dpo))
    }

    private func score(of loss: SimulatedLoss) -> Double {
        world.result(of: loss, TrialSpec(world: worldName, fidelity: .proxy, setting: setting, seed: seed)).score
    }
}
