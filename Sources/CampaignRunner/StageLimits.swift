import LabCore

/// How long a stage may take and how often our own failures are tried again.
public struct StageLimits: Sendable {
    /// Hard limit of one trial; `nil` for `trialFactor` times the median so far, at least `trialMinimum`.
    public var trial: Duration?
    public var trialFactor = 10.0
    public var trialMinimum: Duration = .seconds(60)
    /// Limit while no trial has finished yet: the first one also loads the model.
    public var firstTrial: Duration = .seconds(600)
    public var screening: Duration = .seconds(60)
    public var proposal: Duration = .seconds(600)
    /// Further tries after a thrown error. A stage that passed its limit is not tried again.
    public var retries = 2
    public var retryDelay: Duration = .milliseconds(500)
    /// Different candidates failing one after another, none succeeding in between, that end the campaign.
    public var failuresInARow = 5

    public init() {}
}

/// A stage failed for reasons that are not the loss's, after its retries.
struct StageFailure: Error, CustomStringConvertible {
    let description: String
}

extension StageLimits {
    /// Calls a stage within its limit, tries thrown errors again, and gives up with a `StageFailure`.
    func call<Value: Sendable>(
        _ stage: String, within limit: Duration, _ operation: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        var tries = 0
        while true {
            try Task.checkCancellation()
            do {
                return try await withDeadline(limit, operation)
            } catch let halt as ModelHalt {
                throw halt
            } catch let passed as DeadlinePassed {
                throw StageFailure(description: "\(stage): \(passed)")
            } catch {
                try Task.checkCancellation()
                tries += 1
                guard tries <= retries else {
                    throw StageFailure(description: "\(stage): \(error)" + (tries > 1 ? " (\(tries) tries)" : ""))
                }
                try await Task.sleep(for: retryDelay * (1 << (tries - 1)))
            }
        }
    }
}
