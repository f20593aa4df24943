import LabCore
import Logging
import Synchronization

/// One training to be done for one loss.
struct TrialRequest: Sendable {
    let candidate: CandidateID
    let loss: LossSource
    let spec: TrialSpec
}

/// Runs trials: each content at most once, some side by side, each within its time, our own failures tried again.
struct TrialScheduler: Sendable {
    let runner: any TrialRunner
    let identity: ExperimentIdentity
    let workers: Int
    let limits: StageLimits
    let failures: FailureWatch
    let events: @Sendable (CampaignEvent) -> Void
    private let durations = TrialDurations()

    init(
        runner: any TrialRunner, identity: ExperimentIdentity, workers: Int, limits: StageLimits,
        failures: FailureWatch,
        events: @escaping @Sendable (CampaignEvent) -> Void
    ) {
        self.runner = runner
        self.identity = identity
        self.workers = workers
        self.limits = limits
        self.failures = failures
        self.events = events
    }

    /// Outcomes in the order of the requests; `nil` where the candidate failed, in this trial or another.
    ///
    /// When the judge's budget ends, the trials that run are let finish as far as the money goes, for what they have is
    /// paid for; then the halt is thrown. No candidate is blamed.
    func run(_ requests: [TrialRequest], journal: StepJournal) async throws -> [TrialOutcome?] {
        let stop = BudgetStop()
        let outcomes = try await concurrentMap(requests, limit: workers) { request -> TrialOutcome? in
            if stop.halt != nil { return nil }
            do { return try await run(request, journal: journal) } catch let halt as ModelHalt
                where halt.reason == .budget
            {
                stop.note(halt)
                return nil
            }
        }
        if let halt = stop.halt { throw halt }
        return outcomes
    }

    private func run(_ request: TrialRequest, journal: StepJournal) async throws -> TrialOutcome? {
        guard failures.failure(of: request.candidate) == nil else { return nil }
        let (loss, spec, runner) = (request.loss, request.spec, runner)
        let key = identity.key(of: loss, spec)
        do {
            let limit = limits.trial ?? durations.limit(limits)
            let (outcome, reused) = try await journal.once(key) {
                try await limits.call("trial \(spec.slug) of \(loss.name)", within: limit) {
                    try await runner.run(loss, spec)
                }
            }
            failures.succeeded()
            announce(outcome, of: request, reused: reused)
            return outcome.asked(as: spec)
        } catch let failure as StageFailure {
            try failures.failed(request.candidate, because: failure.description)
            return nil
        }
    }

    private func announce(_ outcome: TrialOutcome, of request: TrialRequest, reused: Bool) {
        var score: Double?
        var seconds = 0.0
        if case .scored(let result) = outcome {
            score = result.questionScores.isEmpty ? nil : result.score
            seconds = result.seconds
            if !reused, request.spec.fidelity > .smoke { durations.add(seconds) }
        }
        events(
            .trialFinished(request.candidate, spec: request.spec, score: score, seconds: seconds, reused: reused))
    }
}

/// The first word that the budget for models has ended.
private final class BudgetStop: Sendable {
    private let first = Mutex<ModelHalt?>(nil)

    var halt: ModelHalt? { first.withLock { $0 } }

    func note(_ halt: ModelHalt) { first.withLock { $0 = $0 ?? halt } }
}

/// The last trials' durations, for a limit that fits the machine.
private final class TrialDurations: Sendable {
    private let recent = Mutex<[Double]>([])
    private static let kept = 101

    func add(_ seconds: Double) {
        recent.withLock { recent in
            recent.append(seconds)
            if recent.count > Self.kept { recent.removeFirst() }
        }
    }

    func limit(_ limits: StageLimits) -> Duration {
        let median = recent.withLock { $0.isEmpty ? nil : $0.sorted()[$0.count / 2] }
        guard let median else { return limits.firstTrial }
        return max(limits.trialMinimum, .seconds(median * limits.trialFactor))
    }
}
