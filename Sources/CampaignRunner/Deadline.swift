import Synchronization

/// A stage gave no answer in time and was left behind.
struct DeadlinePassed: Error, CustomStringConvertible {
    let limit: Duration

    var description: String { "no answer within \(limit.formattedSeconds)" }
}

/// Runs an operation that may never return: after `limit` it is cancelled and left behind.
///
/// A task group would wait for its children, so a stage that ignores cancellation would hold the campaign for ever; here
/// the waiting ends on time whatever the operation does. An operation that blocks its thread still holds that thread.
/// When the caller is cancelled the operation gets `grace` to end by itself.
func withDeadline<Value: Sendable>(
    _ limit: Duration, grace: Duration = .seconds(10), _ operation: @escaping @Sendable () async throws -> Value
) async throws -> Value {
    let race = Race<Value>()
    let work = Task {
        do { race.finish(.success(try await operation())) } catch { race.finish(.failure(error)) }
    }
    let alarm = DeadlineWatch.shared.after(limit) { race.finish(.failure(DeadlinePassed(limit: limit))) }
    defer {
        work.cancel()
        DeadlineWatch.shared.forget(alarm)
    }
    return try await withTaskCancellationHandler {
        try await withCheckedThrowingContinuation { race.wait($0) }
    } onCancel: {
        work.cancel()
        DeadlineWatch.shared.after(grace) { race.finish(.failure(CancellationError())) }
    }
}

/// Hands the first result to whoever waits; later ones are dropped.
private final class Race<Value: Sendable>: Sendable {
    private enum State {
        case open
        case awaited(CheckedContinuation<Value, any Error>)
        case early(Result<Value, any Error>)
        case done
    }

    private let state = Mutex(State.open)

    func wait(_ continuation: CheckedContinuation<Value, any Error>) {
        let early: Result<Value, any Error>? = state.withLock { state in
            if case .early(let result) = state {
                state = .done
                return result
            }
            state = .awaited(continuation)
            return nil
        }
        if let early { continuation.resume(with: early) }
    }

    func finish(_ result: Result<Value, any Error>) {
        let waiting: CheckedContinuation<Value, any Error>? = state.withLock { state in
            switch state {
            case .open:
                state = .early(result)
                return nil
            case .awaited(let continuation):
                state = .done
                return continuation
            case .early, .done:
                return nil
            }
        }
        waiting?.resume(with: result)
    }
}

extension Duration {
    var inSeconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }

    var formattedSeconds: String { "\((inSeconds * 10).rounded() / 10) s" }
}
