import Evolution
import LabCore

/// Takes contenders up the rungs smoke, proxy and full; the same steps for catalogue losses and candidates.
///
/// Each rung ends when all its trials have: nothing is decided before, and then from values in the order of the
/// contenders, so no result depends on which trial finished first.
struct TuningLadder: Sendable {
    let tuning: Tuning
    let scheduler: TrialScheduler
    let journal: StepJournal
    /// Whose rungs these are, in progress displays.
    var label: String? = nil

    func smoke(_ contenders: [Contender]) async throws -> [Contender] {
        try await rung(.smoke, contenders, trials: { _ in [tuning.smokeTrial()] }, settle: { $0.settleSmoke() })
    }

    func proxy(_ contenders: [Contender]) async throws -> [Contender] {
        try await rung(
            .proxy, contenders, trials: { _ in tuning.proxyTrials() }, settle: { $0.settle(.proxy, by: tuning) })
    }

    func full(_ contenders: [Contender]) async throws -> [Contender] {
        try await rung(
            .full, contenders, trials: { tuning.fullTrials(after: $0.results) },
            settle: { $0.settle(.full, by: tuning) })
    }

    /// Runs the rung's trials of all contenders that are still in, and settles each of them.
    private func rung(
        _ fidelity: Fidelity, _ contenders: [Contender], trials: (Contender) -> [TrialSpec],
        settle: (inout Contender) -> Void
    ) async throws -> [Contender] {
        var contenders = contenders
        let running = contenders.indices.filter { contenders[$0].isRunning }
        let plan = running.flatMap { index in trials(contenders[index]).map { (index, $0) } }
        let requests = plan.map { index, spec in
            TrialRequest(candidate: contenders[index].id, loss: contenders[index].loss, spec: spec)
        }
        scheduler.events(
            .stage(name: [label, fidelity.rawValue].compactMap(\.self).joined(separator: " "), total: requests.count))
        let outcomes = try await scheduler.run(requests, journal: journal)
        for ((index, spec), outcome) in zip(plan, outcomes) {
            if let outcome { contenders[index].add(outcome, of: spec) }
        }
        for index in running {
            if let reason = scheduler.failures.failure(of: contenders[index].id) {
                contenders[index].fail(because: reason)
            } else {
                settle(&contenders[index])
            }
        }
        return contenders
    }
}
