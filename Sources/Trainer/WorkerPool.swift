public import WorkerProtocol

/// Trainer processes side by side; each takes one job at a time and lives until the pool is closed.
///
/// Workers start when first needed. One that dies or stalls is torn down with its whole process tree and its job is
/// given to a fresh one, once; a second loss is thrown as `TrainerError.workerLost`.
public actor WorkerPool {
    private let configuration: WorkerConfiguration
    private let size: Int
    private var idle: [Worker] = []
    private var busy = 0
    private var waiting: [CheckedContinuation<Void, Never>] = []
    private var nextJob = 1
    private var nextWorker = 1
    private var closed = false
    /// What the first worker said of its Python and its sandbox.
    public private(set) var ready: WorkerReady?

    public init(size: Int, configuration: WorkerConfiguration) {
        self.size = max(1, size)
        self.configuration = configuration
    }

    /// Runs one job and returns its report; `rejected` is a normal result, `failed` is thrown.
    public func run<Job: Encodable & Sendable>(
        _ label: String, within limit: Duration, job makeJob: @Sendable (String) -> Job
    ) async throws -> WorkerReport {
        await acquireSlot()
        defer { releaseSlot() }
        var lost: WorkerLoss?
        for _ in 0..<2 {
            try Task.checkCancellation()
            let worker = try await takeWorker()
            let id = "j\(nextJob)"
            nextJob += 1
            do {
                let report = try await worker.run(makeJob(id), id: id, within: limit)
                idle.append(worker)
                guard report.status != .failed else {
                    throw TrainerError.jobFailed(
                        job: label, reason: report.error ?? "no reason given",
                        hint: report.trace.map { worker.log.keeping(trace: $0, of: "\(label) failed") } ?? "")
                }
                return report
            } catch let loss as WorkerLoss {
                await worker.end()
                try Task.checkCancellation()
                // A stalled job would stall again: only a death is worth a second try.
                if loss.timedOut {
                    throw TrainerError.timedOut(job: label, seconds: Double(limit.components.seconds))
                }
                lost = loss
            }
        }
        throw TrainerError.workerLost(job: label, exit: lost?.exit ?? "unknown", hint: lost?.log.hint ?? "")
    }

    /// Starts a worker if none has started yet, so that its description is known.
    public func warmUp() async throws -> WorkerReady {
        if let ready { return ready }
        await acquireSlot()
        defer { releaseSlot() }
        let worker = try await takeWorker()
        idle.append(worker)
        return worker.ready
    }

    /// Ends all workers; running jobs are lost.
    public func close() async {
        closed = true
        let all = idle
        idle = []
        for worker in all { await worker.end() }
    }

    private func takeWorker() async throws -> Worker {
        if let worker = idle.popLast() { return worker }
        let number = nextWorker
        nextWorker += 1
        let worker = try await Worker.start(configuration, number: number)
        ready = ready ?? worker.ready
        return worker
    }

    private func acquireSlot() async {
        if busy < size {
            busy += 1
            return
        }
        await withCheckedContinuation { waiting.append($0) }
    }

    /// Hands the slot on to the longest waiting job, or frees it.
    private func releaseSlot() {
        if waiting.isEmpty {
            busy -= 1
        } else {
            waiting.removeFirst().resume()
        }
    }
}
