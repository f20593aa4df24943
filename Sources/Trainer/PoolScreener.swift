public import LabCore
import WorkerProtocol

/// Screens losses in the pool's workers: the static gate in the trainer, the probe in the locked-down loss process.
public struct PoolScreener: LossScreener {
    private let pool: WorkerPool
    /// A screening takes well under a second; a minute allows for a loaded machine and a cold start.
    private let timeLimit: Duration
    private let controls: Set<String>?

    /// - Parameter controls: texts of the losses that may call themselves controls in their header, which excuses them
    ///   from having a useful gradient; `nil` for any. A proposed loss is no control, whatever it says of itself.
    public init(pool: WorkerPool, controls: Set<String>? = nil, timeLimit: Duration = .seconds(60)) {
        self.pool = pool
        self.controls = controls
        self.timeLimit = timeLimit
    }

    public func screen(_ text: String, name: String?, reply: ReplyContext?) async throws -> Screening {
        let label = "checking \(name ?? "a loss")"
        let allowControl = controls?.contains(text) ?? true
        let report = try await pool.run(label, within: timeLimit) {
            CheckJob(
                id: $0, source: text, name: name, allowControl: allowControl, cutOff: reply?.isCutOff ?? false,
                shown: reply?.shown ?? [], prompt: reply?.prompt ?? "")
        }
        return try report.result(as: Screening.self)
    }

    /// Turns a loss of any accepted form into a loss file.
    public func fileForm(of text: String, header: [String: String]) async throws -> ImportOutcome {
        let report = try await pool.run("importing", within: timeLimit) {
            ImportJob(id: $0, source: text, header: header)
        }
        if let rejection = report.rejection { return .rejected(rejection) }
        let result = try report.result(as: ImportJobResult.self)
        return .file(result.source, removed: result.removed ?? [], rewritten: result.rewritten ?? [])
    }
}

/// What became of a loss on import.
public enum ImportOutcome: Sendable, Equatable {
    /// The loss file, and what of the given text is not in it or stands there in other words.
    case file(String, removed: [String], rewritten: [String])
    case rejected(Rejection)
}
