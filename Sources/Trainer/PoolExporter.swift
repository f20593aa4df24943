public import LabCore
import WorkerProtocol

/// Forms of others in which a loss can be written.
public enum ExportForm: String, Sendable, CaseIterable {
    /// One Python file with a subclass of TRL's DPOTrainer.
    case trl
    /// One method with `self.beta`, as DiscoPOP publishes its losses.
    case discopop
}

/// Writes losses in the forms of others, in the pool's workers; nothing of a loss is run.
public struct PoolExporter: Sendable {
    private let pool: WorkerPool

    public init(pool: WorkerPool) { self.pool = pool }

    public func export(_ loss: LossSource, to form: ExportForm) async throws -> ExportOutcome {
        let report = try await pool.run("exporting \(loss.name)", within: .seconds(60)) {
            ExportJob(id: $0, source: loss.text, to: form.rawValue)
        }
        if let rejection = report.rejection { return .rejected(rejection) }
        return .text(try report.result(as: ExportJobResult.self).text)
    }
}

public enum ExportOutcome: Sendable, Equatable {
    case text(String)
    case rejected(Rejection)
}
