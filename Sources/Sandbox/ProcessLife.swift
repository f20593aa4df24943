import Foundation
import Synchronization

/// One child from its start to its reaping.
final class ProcessLife: Sendable {
    /// At its end once the child is gone, for readers that wait for something else too.
    let ended: Descriptor

    private let process: Int32
    private let lifetime: Duration?
    private let state: Mutex<State>

    private struct State {
        var exit: ChildExit?
        var expired = false
        var waiters: [CheckedContinuation<ChildExit, Never>] = []
        /// Held open while the child lives; nothing is ever written.
        var living: Descriptor?
    }

    /// - Parameters ended, living: the two ends of a pipe.
    init(process: Int32, lifetime: Duration?, ended: Descriptor, living: Descriptor) {
        self.process = process
        self.lifetime = lifetime
        self.ended = ended
        self.state = Mutex(State(living: living))
    }

    /// Signals the whole group, unless the child has been reaped and its number may be someone else's.
    func kill(_ signal: Int32) {
        state.withLock { state in
            if state.exit == nil { _ = Foundation.kill(-process, signal) }
        }
    }

    func wait() async -> ChildExit {
        await withCheckedContinuation { continuation in
            let exit = state.withLock { state in
                if state.exit == nil { state.waiters.append(continuation) }
                return state.exit
            }
            if let exit { continuation.resume(returning: exit) }
        }
    }

    /// Reaps the child when it ends, on a thread of its own, and takes the rest of its group with it.
    func watch() {
        let timer = lifetime.map { lifetime in
            Task { [weak self] in
                try await Task.sleep(for: lifetime)
                self?.expire()
            }
        }
        Thread.detachNewThread { [self] in
            var information = siginfo_t()
            while waitid(P_PID, id_t(process), &information, WEXITED | WNOWAIT) != 0 && errno == EINTR {}
            timer?.cancel()
            finish()
        }
    }

    private func expire() {
        state.withLock { $0.expired = $0.exit == nil }
        kill(SIGKILL)
    }

    private func finish() {
        let (exit, waiters) = state.withLock { state in
            // Before the reaping: until then no other group can have this number.
            _ = Foundation.kill(-process, SIGKILL)
            var status: Int32 = 0
            while waitpid(process, &status, 0) < 0 && errno == EINTR {}
            let exit = state.expired ? .expired : Self.exit(of: status)
            state.exit = exit
            state.living = nil
            defer { state.waiters = [] }
            return (exit, state.waiters)
        }
        for waiter in waiters { waiter.resume(returning: exit) }
    }

    private static func exit(of status: Int32) -> ChildExit {
        let signal = status & 0x7f
        return signal == 0 ? .exited(code: (status >> 8) & 0xff) : .signaled(signal)
    }
}
