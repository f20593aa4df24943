import Foundation
import LabCore
import Synchronization

/// Progress on standard error: a bar with count, rate and time left on a terminal, plain timed lines otherwise.
final class ProgressLine: Sendable {
    private struct State {
        var stage = ""
        var total = 0
        var done = 0
        var reused = 0
        var before = 0
        var stageStarted = ContinuousClock.now
        var lastPrinted = ContinuousClock.now - .seconds(60)
    }

    private let state = Mutex(State())
    private let started = ContinuousClock.now
    private let isTerminal = isatty(STDERR_FILENO) == 1

    func handle(_ event: CampaignEvent) {
        switch event {
        case .stage(let name, let total): begin(name, total: total)
        case .trialFinished(_, _, _, _, let reused): advance(reused: reused)
        default: break
        }
    }

    /// Progress of something that is counted elsewhere, such as bytes.
    func show(_ stage: String, _ done: Int, of total: Int) {
        if state.withLock({ $0.stage }) != stage { begin(stage, total: total, from: done) }
        state.withLock { $0.done = done }
        show(always: false)
    }

    func finish() {
        if isTerminal { write("\r\u{1B}[K") }
    }

    /// - Parameter done: what was there before; no time is counted for it.
    private func begin(_ name: String, total: Int, from done: Int = 0) {
        state.withLock { state in
            state = State(stage: name, total: total, done: done, before: done)
        }
        show(always: true)
    }

    private func advance(reused: Bool) {
        state.withLock { state in
            state.done += 1
            if reused { state.reused += 1 }
        }
        show(always: false)
    }

    /// A terminal is redrawn ten times a second at most, a log gets a line every ten seconds and at the end.
    private func show(always: Bool) {
        let interval: Duration = isTerminal ? .milliseconds(100) : .seconds(10)
        let text: String? = state.withLock { state in
            let now = ContinuousClock.now
            guard always || state.done == state.total || now - state.lastPrinted >= interval else { return nil }
            state.lastPrinted = now
            return describe(state, at: now)
        }
        guard let text else { return }
        write(isTerminal ? "\r\u{1B}[K" + text : text + "\n")
    }

    private func describe(_ state: State, at now: ContinuousClock.Instant) -> String {
        let worked = state.done - state.reused - state.before
        let seconds = seconds(now - state.stageStarted)
        let rate = worked > 0 ? Double(worked) / max(seconds, 1e-9) : 0
        let left = state.total - state.done
        let eta = rate > 0 && left > 0 ? ", about \(clock(Double(left) / rate)) left" : ""
        let reuse = state.reused > 0 ? ", \(state.reused) reused" : ""
        let filled = state.total > 0 ? 20 * state.done / state.total : 0
        let bar =
            isTerminal
            ? "[" + String(repeating: "#", count: filled) + String(repeating: ".", count: 20 - filled) + "] " : ""
        let speed = rate > 0 ? ", \(String(format: "%.2f", rate))/s" : ""
        return
            "\(clock(self.seconds(now - started))) \(state.stage.printable) \(bar)\(state.done)/\(state.total)\(speed)\(reuse)\(eta)"
    }

    private func seconds(_ duration: Duration) -> Double {
        Double(duration.components.seconds) + Double(duration.components.attoseconds) * 1e-18
    }

    private func clock(_ seconds: Double) -> String {
        let whole = Int(seconds.rounded())
        return String(format: "%d:%02d", whole / 60, whole % 60)
    }

    private func write(_ text: String) {
        FileHandle.standardError.write(Data(text.utf8))
    }
}
