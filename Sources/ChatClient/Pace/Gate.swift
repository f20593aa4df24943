import Synchronization

/// Lets a number of tasks in at the same time, in the order in which they came.
final class Gate: Sendable {
    private enum Answer {
        case entered, tooLate, cancelled
    }

    private struct Waiter {
        let id: UInt64
        let continuation: CheckedContinuation<Answer, Never>
    }

    private struct State {
        var free: Int
        var waiting: [Waiter] = []
        var lastID: UInt64 = 0

        mutating func takePlace() -> Bool {
            guard free > 0 else { return false }
            free -= 1
            return true
        }
    }

    private let state: Mutex<State>

    init(_ places: Int) { state = Mutex(State(free: places)) }

    /// Waits for a place; each call that returns `true` needs one `leave`.
    ///
    /// - Parameter latest: until when; `nil` waits as long as it takes.
    /// - Returns: `false` when `latest` came first.
    /// - Throws: `CancellationError`, and then there is no place to leave.
    func enter(until latest: ContinuousClock.Instant? = nil) async throws(CancellationError) -> Bool {
        let id: UInt64? = state.withLock { state in
            if state.takePlace() { return nil }
            state.lastID += 1
            return state.lastID
        }
        guard let id else { return true }
        let alarm = latest.map { latest in
            Task { [weak self] in
                try? await Task.sleep(until: latest, clock: .continuous)
                if !Task.isCancelled { self?.dismiss(id, .tooLate) }
            }
        }
        defer { alarm?.cancel() }
        let answer = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let now: Answer? = state.withLock { state in
                    if Task.isCancelled { return .cancelled }
                    if let latest, latest <= .now { return .tooLate }
                    if state.takePlace() { return .entered }
                    state.waiting.append(Waiter(id: id, continuation: continuation))
                    return nil
                }
                if let now { continuation.resume(returning: now) }
            }
        } onCancel: {
            dismiss(id, .cancelled)
        }
        switch answer {
        case .entered: return true
        case .tooLate: return false
        case .cancelled: throw CancellationError()
        }
    }

    private func dismiss(_ id: UInt64, _ answer: Answer) {
        let waiter = state.withLock { state in
            state.waiting.firstIndex { $0.id == id }.map { state.waiting.remove(at: $0) }
        }
        waiter?.continuation.resume(returning: answer)
    }

    func leave() {
        let next = state.withLock { state -> Waiter? in
            if state.waiting.isEmpty {
                state.free += 1
                return nil
            }
            return state.waiting.removeFirst()
        }
        next?.continuation.resume(returning: .entered)
    }
}
