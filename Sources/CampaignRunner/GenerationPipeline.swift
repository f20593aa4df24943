import Evolution
import LabCore

/// One generation of candidates, from empty slots to rows of the archive.
///
/// Everything is decided from the snapshot at the start and from whole rungs in order of ids. Each finished proposal,
/// screening and trial is a stored step, so the same call after a kill finds them and does only what is missing.
struct GenerationPipeline: Sendable {
    let number: Int
    let slots: [SearchArm]
    let firstID: Int
    /// Proposals that may be spent on the slots.
    let proposals: Int
    let snapshot: ArchiveSnapshot
    let drafting: Drafting
    let ladder: TuningLadder
    let recorder: Recorder

    /// Propose, screen, drop duplicates, smoke, proxy, promote, full, record.
    ///
    /// - Returns: the candidates, and whether they are the last for want of money.
    func run(seen: inout SeenLosses) async throws -> (candidates: [Candidate], halted: Bool) {
        let (drafts, halted) = try await drafting.drafts(of: self, seen: &seen)
        let contenders = drafts.compactMap(\.contender)

        let trained = try await ladder.smoke(contenders)
        let proxied = try await ladder.proxy(trained)
        let promoted = Set(promotion.promotedToFull(candidates(of: drafts, after: proxied)))
        let tuned = try await ladder.full(proxied.filter { promoted.contains($0.id) })

        let finished = tuned + proxied.filter { !promoted.contains($0.id) }
        let candidates = candidates(of: drafts, after: finished)
        let trials = Dictionary(uniqueKeysWithValues: finished.map { ($0.id, $0.trials) })
        let screenings = drafts.compactMap { draft in draft.screening.map { (draft.id, $0) } }
        try await recorder.record(
            candidates, screenings: Dictionary(uniqueKeysWithValues: screenings), trials: trials)
        return (candidates, halted)
    }

    private var promotion: Promotion { Promotion(share: ladder.tuning.config.promotedShare) }

    private func candidates(of drafts: [Draft], after contenders: [Contender]) -> [Candidate] {
        let byID = Dictionary(uniqueKeysWithValues: contenders.map { ($0.id, $0) })
        return drafts.map { $0.candidate(after: byID[$0.id]) }
    }
}
