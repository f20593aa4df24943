public import LabCore
import WorkerProtocol

/// Screens losses in the pool's workers: the static gate in the trainer, the probe in the locked-down loss process.
public struct PoolScreener: LossScreener {
    private let pool: WorkerPool
    /// A screening takes well under a second; a minute allows for a loaded machine and a cold start.
    private let timeLimit: Duration

    public init(pool: WorkerPool, timeLimit: Duration = .seconds(60)) {
        self.pool = pool
        self.timeLimit = timeLimit
    }

    public func screen(_ text: String, name: String?) async throws -> Screening {
        let label = "checking \(name ?? "a loss")"
        let report = try await pool.run(label, within: timeLimit) { CheckJob(id: $0, source: text, name: name) }
        return try report.result(as: Screening.self)
    }

    /// Turns a loss of any accepted form into a loss file.
    public func fileForm(of text: String, header: [String: String]) async throws -> ImportOutcome {
        let report = try await pool.run("importing", within: timeLimit) {
            ImportJob(id: $0, source: text, header: header)
        }
        if let rejection = report.rejection { return .rejected(rejection) }
        return .file(try report.result(as: ImportJobResult.self).source)
    }
}

/// What became of a loss on import.
public enum ImportOutcome: Sendable, Equatable {
    case file(String)
    case rejected(Rejection)
}
