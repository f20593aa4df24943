import Foundation
import Synchronization

/// The requests of one client that are on their way: says what is awaited once that has taken long, and then ever more
/// rarely, so that a silent server is told from a hung program.
final class Waiting: Sendable {
    /// One request that was sent.
    final class Request: Sendable {
        let model: String
        let timeouts: ChatTimeouts
        let sent = ContinuousClock.now
        /// Of its answer, so far.
        let bytes = Atomic<Int>(0)

        init(_ model: String, _ timeouts: ChatTimeouts) {
            self.model = model
            self.timeouts = timeouts
        }

        func took(_ count: Int) { bytes.add(count, ordering: .relaxed) }

        /// What a user should know after it has waited so long.
        func story(after waited: Duration) -> String {
            let bytes = bytes.load(ordering: .relaxed)
            let limits = "\(timeouts.total.text) in all (timeouts.total)"
            if bytes == 0 {
                return "\(model) has sent nothing for \(waited.inSeconds.rounded().text) s; it is waited for up to "
                    + "\(timeouts.firstByte.text) (timeouts.firstByte), \(limits)"
            }
            return "\(model) has been answering for \(waited.inSeconds.rounded().text) s, \(bytes) bytes so far; it is "
                + "waited for up to \(limits)"
        }
    }

    private struct State {
        /// By number, with how long each waits before it is told of next.
        var requests: [Int: (request: Request, due: Duration)] = [:]
        var next = 0
        var isWatched = false
    }

    private let state = Mutex(State())
    private let patience: Duration
    private let tell: @Sendable (String) -> Void

    /// - Parameter patience: how long a request may take before it is told of; told again after twice, four times as long.
    init(patience: Duration, tell: @escaping @Sendable (String) -> Void) {
        self.patience = patience
        self.tell = tell
    }

    /// Runs an exchange, and tells of it while it lasts.
    func during<Value>(_ request: Request, _ exchange: () async -> Value) async -> Value {
        let (number, begins) = state.withLock { state in
            state.next += 1
            state.requests[state.next] = (request, patience)
            defer { state.isWatched = true }
            return (state.next, !state.isWatched)
        }
        if begins { Task { await watch() } }
        defer { state.withLock { $0.requests[number] = nil } }
        return await exchange()
    }

    /// Until nothing is awaited any more.
    private func watch() async {
        while true {
            try? await Task.sleep(for: patience / 4)
            let now = ContinuousClock.now
            let (late, isOver) = state.withLock { state in
                let late = state.requests.filter { now - $0.value.request.sent >= $0.value.due }
                for number in late.keys { state.requests[number]?.due *= 2 }
                state.isWatched = !state.requests.isEmpty
                return (late.values.map(\.request), state.requests.isEmpty)
            }
            if let longest = late.min(by: { $0.sent < $1.sent }) {
                let others = late.count > 1 ? ", as are \(late.count - 1) other requests" : ""
                tell(longest.story(after: now - longest.sent) + others)
            }
            if isOver { return }
        }
    }
}

extension Double {
    fileprivate var text: String { "\(Int(self))" }
}
