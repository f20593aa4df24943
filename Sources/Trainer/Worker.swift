import Foundation
import Sandbox
import WorkerProtocol

/// A worker that is no more: it died, broke the protocol or ran out of time.
struct WorkerLoss: Error {
    let exit: String
    let log: ChildLog
    let timedOut: Bool
}

/// One running `losslab-worker trainer`.
struct Worker: Sendable {
    let ready: WorkerReady
    let log: ChildLog
    private let process: ChildProcess
    /// Two torch imports on a busy machine take seconds; a minute and a half is a hang.
    private static let startLimit = Duration.seconds(90)
    /// A worker killed while it starts, for want of memory or by hand, is started again.
    private static let startAttempts = 4

    static func start(_ configuration: WorkerConfiguration, number: Int) async throws -> Worker {
        guard FileManager.default.isExecutableFile(atPath: configuration.executable) else {
            throw TrainerError.workerMissing(path: configuration.executable)
        }
        // What only reads works without a cache; what keeps something in it says so itself.
        try? FileManager.default.createDirectory(atPath: configuration.cache, withIntermediateDirectories: true)
        let log = ChildLog("worker-\(number).log", in: configuration.logs)
        var signal: Int32 = 0
        for _ in 0..<startAttempts {
            do { return try await attempt(configuration, log: log) } catch let killed as KilledWhileStarting {
                signal = killed.signal
            }
        }
        throw TrainerError.workerUnusable(
            reason:
                "it was killed by signal \(signal) before it was ready, \(startAttempts) times (for want of memory? "
                + "`dmesg` may tell)\(log.hint)")
    }

    private static func attempt(_ configuration: WorkerConfiguration, log: ChildLog) async throws -> Worker {
        let process = try ChildProcess.start(
            executable: URL(filePath: configuration.executable), arguments: configuration.arguments,
            environment: configuration.environment, logFile: log.file)
        switch try await firstEvent(of: process, within: startLimit, log: log) {
        case .ready(let ready):
            return Worker(ready: ready, log: log, process: process)
        case .fatal(let reason, let logged):
            process.killTree()
            throw TrainerError.workerUnusable(reason: reason + (logged ? log.hint : ""))
        default:
            process.killTree()
            throw TrainerError.workerUnusable(reason: "its first line was neither ready nor fatal\(log.hint)")
        }
    }

    /// Sends one job and waits for its report.
    func run<Job: Encodable>(_ job: Job, id: String, within limit: Duration) async throws -> WorkerReport {
        let line = String(decoding: try JSONEncoder().encode(job), as: UTF8.self)
        return try await bounded(by: limit) {
            do {
                try await process.send(line: line)
            } catch {
                throw WorkerLoss(exit: await exitText(), log: log, timedOut: false)
            }
            for await text in process.events {
                guard let event = try? WorkerEvent(line: text) else { break }
                if case .report(let reportID, let report) = event, reportID == id { return report }
            }
            throw WorkerLoss(exit: await exitText(), log: log, timedOut: false)
        }
    }

    /// Lets it end by itself, for a moment, and then not.
    func end() async {
        process.closeInput()
        await process.terminate(grace: .seconds(2))
    }

    /// Kills the process when the limit passes or the task is cancelled, which ends the stream the body waits for.
    private func bounded<Value: Sendable>(
        by limit: Duration, _ body: () async throws -> Value
    ) async throws -> Value {
        let process = process
        let log = log
        let watchdog = Task {
            try await Task.sleep(for: limit)
            process.killTree()
            return true
        }
        defer { watchdog.cancel() }
        do {
            return try await withTaskCancellationHandler {
                try await body()
            } onCancel: {
                process.killTree()
            }
        } catch let loss as WorkerLoss {
            watchdog.cancel()
            let timedOut = (try? await watchdog.value) == true
            throw timedOut ? WorkerLoss(exit: loss.exit, log: log, timedOut: true) : loss
        }
    }

    private func exitText() async -> String {
        process.killTree()
        return String(describing: await process.wait())
    }

    /// What a process says first; how it ended, as an error, when it says nothing.
    private static func firstEvent(
        of process: ChildProcess, within limit: Duration, log: ChildLog
    ) async throws -> WorkerEvent? {
        let watchdog = Task {
            try await Task.sleep(for: limit)
            process.killTree()
            return true
        }
        defer { watchdog.cancel() }
        for await line in process.events { return try? WorkerEvent(line: line) }
        if Task.isCancelled { process.killTree() }
        let exit = await process.wait()
        try Task.checkCancellation()
        watchdog.cancel()
        if (try? await watchdog.value) == true {
            throw TrainerError.workerUnusable(
                reason: "it was not ready within \(limit.components.seconds) s\(log.hint)")
        }
        if case .signaled(let signal) = exit { throw KilledWhileStarting(signal: signal) }
        throw TrainerError.workerUnusable(reason: "it ended before it was ready (\(exit))\(log.hint)")
    }
}

/// A signal that was not ours ended a worker before it was ready, which need not happen again.
private struct KilledWhileStarting: Error {
    let signal: Int32
}
