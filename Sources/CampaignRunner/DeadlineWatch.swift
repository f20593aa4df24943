import Synchronization

/// Alarms of all operations that run at the moment, rung by one task.
///
/// A sleeping task of its own for each operation would be simpler, but a cancelled sleep keeps its memory until its time
/// is over: with limits of minutes and trials of milliseconds that is a leak as long as the campaign.
final class DeadlineWatch: Sendable {
    static let shared = DeadlineWatch()

    /// How late an alarm may ring.
    private static let tick: Duration = .milliseconds(20)

    private struct State {
        var alarms: [UInt64: (time: ContinuousClock.Instant, ring: @Sendable () -> Void)] = [:]
        var lastToken: UInt64 = 0
        var isWatching = false
    }

    private let state = Mutex(State())

    /// Calls `ring` once when the time has passed, unless the alarm is forgotten before.
    @discardableResult
    func after(_ delay: Duration, ring: @escaping @Sendable () -> Void) -> UInt64 {
        let time = ContinuousClock.now.advanced(by: delay)
        let (token, isFirst) = state.withLock { state in
            state.lastToken += 1
            state.alarms[state.lastToken] = (time, ring)
            defer { state.isWatching = true }
            return (state.lastToken, !state.isWatching)
        }
        if isFirst { Task { await watch() } }
        return token
    }

    func forget(_ token: UInt64) {
        _ = state.withLock { $0.alarms.removeValue(forKey: token) }
    }

    /// Rings what is due, tick by tick, until no alarm is left.
    private func watch() async {
        while true {
            try? await Task.sleep(for: Self.tick)
            let now = ContinuousClock.now
            let (due, goesOn) = state.withLock { state in
                let due = state.alarms.filter { $0.value.time <= now }
                for token in due.keys { state.alarms.removeValue(forKey: token) }
                state.isWatching = !state.alarms.isEmpty
                return (due.values.map(\.ring), state.isWatching)
            }
            for ring in due { ring() }
            if !goesOn { return }
        }
    }
}
