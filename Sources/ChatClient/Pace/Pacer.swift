import Synchronization

/// Holds requests back until the limits per minute let them go, in the order in which they came.
final class Pacer: Sendable {
    private let window: Mutex<RateWindow>
    private let turn = Gate(1)
    private let isLimited: Bool
    private let start = ContinuousClock.now

    init(requestsPerMinute: Int?, tokensPerMinute: Int?) {
        window = Mutex(RateWindow(requests: requestsPerMinute, tokens: tokensPerMinute))
        isLimited = requestsPerMinute != nil || tokensPerMinute != nil
    }

    /// Waits until a request of so many tokens may go; `nil` when `latest` comes first.
    ///
    /// - Returns: a number that stands for the request in `correct`.
    func pass(_ tokens: Int, until latest: ContinuousClock.Instant?) async throws(CancellationError) -> Int? {
        guard isLimited else { return 0 }
        guard try await turn.enter(until: latest) else { return nil }
        defer { turn.leave() }
        while true {
            let now = ContinuousClock.now
            let outcome = window.withLock { window -> Result<Int, Wait> in
                let wait = window.wait(for: tokens, at: now - start)
                return wait > .zero ? .failure(Wait(wait)) : .success(window.note(tokens, at: now - start))
            }
            switch outcome {
            case .success(let number): return number
            case .failure(let wait):
                if let latest, now + wait.duration > latest { return nil }
                do { try await Task.sleep(for: wait.duration) } catch { throw CancellationError() }
            }
        }
    }

    func correct(_ number: Int, to tokens: Int) {
        if isLimited { window.withLock { $0.correct(number, to: tokens) } }
    }

    private struct Wait: Error {
        let duration: Duration
        init(_ duration: Duration) { self.duration = duration }
    }
}
