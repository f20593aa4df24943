public import Foundation
public import LabCore
import WorkerProtocol

extension PoolPlotter {
    /// Draws judge scores against KL.
    ///
    /// - Parameters:
    ///   - shown: losses with a colour of their own; the rest are grey.
    ///   - ending: of the picture's file, `svg` or `png`.
    /// - Returns: the picture; equal arguments give equal bytes.
    public func draw(
        _ frontier: Frontier, titled title: String, showing shown: [String], picture ending: String
    ) async throws -> Data {
        let file = FileManager.default.temporaryDirectory.appending(path: "losslab-\(UUID().uuidString).\(ending)")
        defer { try? FileManager.default.removeItem(at: file) }
        let report = try await pool.run("drawing \(title)", within: .seconds(600)) {
            FrontierJob(id: $0, title: title, frontier: frontier, shown: shown, output: file.path)
        }
        if let rejection = report.rejection {
            throw TrainerError.jobFailed(job: "drawing \(title)", reason: rejection.message, hint: "")
        }
        return try Data(contentsOf: file)
    }
}
