import Foundation
public import LabCore
import Logging
import Synchronization

/// What the controller itself costs: a campaign over stages that answer at once.
public struct OverheadReport: Sendable, CustomStringConvertible {
    public let candidates: Int
    public let trials: Int
    public let seconds: Double
    /// Processor time of the whole process, which a busy machine hardly changes.
    public let processorSeconds: Double
    /// Milliseconds a candidate in the first and the last tenth of the search: equal when cost does not grow.
    public let firstTenth: Double
    public let lastTenth: Double
    /// Resident memory after the first tenth and at the end, bytes; `nil` where the system does not tell.
    public let memoryEarly: Int?
    public let memoryLate: Int?

    public var millisecondsPerCandidate: Double { 1000 * seconds / Double(max(candidates, 1)) }
    public var processorMillisecondsPerCandidate: Double { 1000 * processorSeconds / Double(max(candidates, 1)) }

    public var description: String {
        func megabytes(_ bytes: Int?) -> String {
            bytes.map { String(format: "%.0f MB", Double($0) / 1e6) } ?? "unknown"
        }
        return String(
            format:
                "%d candidates, %d trials: %.2f ms a candidate (first tenth %.2f, last tenth %.2f), %.2f ms of it processor "
                + "time, memory %@ to %@",
            candidates, trials, millisecondsPerCandidate, firstTenth, lastTenth, processorMillisecondsPerCandidate,
            megabytes(memoryEarly), megabytes(memoryLate))
    }
}

/// Runs a campaign of stub candidates and measures what remains: deciding, storing, recording.
///
/// - Parameter storage: makes the real archive and stores for the campaign, to count their writes too; by default
///   everything written is dropped.
public func benchmarkOverhead(
    candidates: Int, workers: Int = 2, storage: ((CampaignConfig) async throws -> CampaignStorage)? = nil
) async throws -> OverheadReport {
    let stub = StubStages()
    let dropped = DroppingStore()
    let marks = Mutex<[(evaluated: Int, seconds: Double, memory: Int?)]>([])
    let config = CampaignConfig(
        name: "overhead-benchmark", transferWorld: nil, budget: BudgetConfig(candidates: candidates),
        confirmation: ConfirmationConfig(seeds: [101, 102]), workers: workers)
    let runner = try CampaignRunner(
        config: config, grid: SettingGrid(learningRates: [5e-4, 1e-3], betas: [0.02, 0.05, 0.1]),
        catalogue: [LossSource(name: "dpo", text: "dpo", origin: .baseline, beta: 0.05)],
        stages: CampaignStages(
            proposer: stub, screener: stub, trials: stub,
            identity: ExperimentIdentity()),
        storage: try await storage?(config) ?? CampaignStorage(archive: dropped, steps: dropped, cache: dropped),
        logger: Logger(label: "losslab.benchmark") { _ in SwiftLogNoOpLogHandler() }
    ) { event in
        let evaluated: Int
        switch event {
        case .started: evaluated = 0
        case .generationFinished(_, let sofar): evaluated = sofar
        default: return
        }
        marks.withLock { $0.append((evaluated, CampaignRunner.uptime(), residentMemory())) }
    }
    let processorTime = usedProcessorTime()
    _ = try await runner.run()
    return report(
        marks.withLock { $0 }, trials: stub.trials, processorSeconds: usedProcessorTime() - processorTime)
}

private func report(
    _ marks: [(evaluated: Int, seconds: Double, memory: Int?)], trials: Int, processorSeconds: Double
) -> OverheadReport {
    func milliseconds(_ range: ArraySlice<(evaluated: Int, seconds: Double, memory: Int?)>) -> Double {
        guard let first = range.first, let last = range.last, last.evaluated > first.evaluated else { return 0 }
        return 1000 * (last.seconds - first.seconds) / Double(last.evaluated - first.evaluated)
    }
    let tenth = max(1, marks.count / 10)
    return OverheadReport(
        candidates: marks.last?.evaluated ?? 0, trials: trials,
        seconds: (marks.last?.seconds ?? 0) - (marks.first?.seconds ?? 0),
        processorSeconds: processorSeconds,
        firstTenth: milliseconds(marks.prefix(tenth + 1)), lastTenth: milliseconds(marks.suffix(tenth + 1)),
        memoryEarly: marks[min(tenth, marks.count - 1)].memory, memoryLate: marks.last?.memory)
}

/// Processor time of this process so far, in all threads.
private func usedProcessorTime() -> Double {
    var time = timespec()
    guard clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time) == 0 else { return 0 }
    return Double(time.tv_sec) + 1e-9 * Double(time.tv_nsec)
}

/// Resident set of this process, from Linux's `/proc`.
private func residentMemory() -> Int? {
    guard let pages = try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8).split(separator: " ")[1] else {
        return nil
    }
    return Int(pages).map { $0 * Int(sysconf(Int32(_SC_PAGESIZE))) }
}
