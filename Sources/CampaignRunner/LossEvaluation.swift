public import Evolution
public import LabCore
public import Logging

/// Tunes losses over the same grid, seeds and rungs; what `losslab loss evaluate` and a campaign's catalogue both run.
///
/// Finished trials are kept in the store under their content, so evaluating the same loss again costs nothing.
public struct LossEvaluation: Sendable {
    /// What tuning one loss came to.
    public enum Result: Sendable, Equatable {
        case tuned(TunedScore)
        case rejected(Rejection)
        /// Our fault, after retries.
        case failed(String)
    }

    private let ladder: TuningLadder

    /// - Parameters:
    ///   - tuning: grid, seeds and world; one setting and one seed make it a single training.
    ///   - cache: finished trials, shared by all campaigns and evaluations.
    ///   - workers: trials side by side.
    ///   - events: progress: a `stage` with the number of trials for each rung, then a `trialFinished` a trial.
    public init(
        tuning: Tuning, trials: any TrialRunner, identity: ExperimentIdentity, cache: any StepStore, workers: Int,
        limits: StageLimits = StageLimits(), logger: Logger = Logger(label: "losslab.evaluation"),
        events: @escaping @Sendable (CampaignEvent) -> Void = { _ in }
    ) {
        let scheduler = TrialScheduler(
            runner: trials, identity: identity, workers: workers, limits: limits,
            failures: FailureWatch(limit: limits.failuresInARow), events: events)
        self.init(
            ladder: TuningLadder(
                tuning: tuning, scheduler: scheduler, journal: StepJournal(store: cache, logger: logger)))
    }

    init(ladder: TuningLadder) {
        self.ladder = ladder
    }

    /// Results in the order of the losses. A bad or failed loss is a result, never the end of the others.
    ///
    /// Throws `CampaignError` when loss after loss fails or results cannot be stored, and `CancellationError`.
    /// Losses are numbered -1, -2, ... in the events.
    public func evaluate(_ losses: [LossSource]) async throws -> [Result] {
        ladder.scheduler.failures.forgetRecorded()
        let contenders = losses.enumerated().map { index, loss in
            Contender(id: CandidateID(-1 - index), loss: loss)
        }
        return try await evaluated(contenders).map { contender in
            switch (contender.state, contender.tuned) {
            case (.rejected(let rejection), _): .rejected(rejection)
            case (.failed(let reason), _): .failed(reason)
            case (.running, let tuned?): .tuned(tuned)
            case (.running, nil): .failed("no trial was run")
            }
        }
    }

    /// Proxy and full rung of contenders that may be out already, with all their trials.
    func evaluated(_ contenders: [Contender]) async throws -> [Contender] {
        try await ladder.full(try await ladder.proxy(contenders))
    }
}
