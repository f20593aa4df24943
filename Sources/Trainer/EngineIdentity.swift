import Foundation
import LabCore
import Sandbox

/// What trains, as it is installed: the code that a kind of job runs through, and the libraries below it.
public struct EngineIdentity: Codable, Sendable, Equatable {
    /// SHA-256 over every Python file that a kind of job imports, by the job's kind.
    public let code: [String: String]
    /// Python's version and those of torch, transformers and the other libraries that are installed.
    public let versions: [String: String]

    public init(code: [String: String], versions: [String: String]) {
        self.code = code
        self.versions = versions
    }

    /// Ingredients of whatever such jobs make.
    ///
    /// - Throws: `TrainerError` for a kind that the installed code does not know.
    public func ingredients(_ kinds: String...) throws -> [String: String] {
        var all = versions
        for kind in kinds {
            guard let hash = code[kind] else {
                throw TrainerError.workerUnusable(reason: "its Python code names no job of the kind \(kind)")
            }
            all["code: \(kind)"] = hash
        }
        return all
    }

    /// Asks the installed code; takes about half a second and loads none of the libraries.
    ///
    /// - Throws: `TrainerError`.
    public static func current(_ configuration: WorkerConfiguration) async throws -> EngineIdentity {
        let python = configuration.virtualEnvironment + "/bin/python3"
        guard FileManager.default.isExecutableFile(atPath: python) else {
            throw TrainerError.workerUnusable(
                reason: "\(python) is missing; `make setup` makes the virtual environment")
        }
        let folder = FileManager.default.temporaryDirectory.appending(path: "losslab-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let log = folder.appending(path: "identity.log")
        let child = try ChildProcess.start(
            executable: URL(filePath: python),
            arguments: ["-P", "-B", "-m", "losslab_trainer.identity", "--events-fd", "3"],
            environment: configuration.environment.merging(["PYTHONPATH": configuration.pythonPath]) { $1 },
            logFile: log)
        var found: EngineIdentity?
        await withTaskCancellationHandler {
            for await line in child.events where found == nil {
                found = try? JSONDecoder().decode(EngineIdentity.self, from: Data(line.utf8))
            }
        } onCancel: {
            child.killTree()
        }
        try Task.checkCancellation()
        let exit = await child.wait()
        guard let found else {
            let said = (try? String(contentsOf: log, encoding: .utf8))?.split(separator: "\n").last
            throw TrainerError.workerUnusable(
                reason: "its Python code could not be read (\(exit)): \(said.map(String.init) ?? "no word of why")")
        }
        return found
    }
}
