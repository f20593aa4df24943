import Foundation
import Sandbox

/// How the Python programs of `losslab_trainer.local_model` are started.
public struct PythonHelper: Sendable {
    /// The virtual environment's interpreter.
    let executable: String
    /// The folder that holds the `losslab_trainer` package.
    let pythonPath: String
    /// Where what they print goes.
    let logs: String

    public init(virtualEnvironment: String, pythonPath: String, logs: String) {
        executable = virtualEnvironment + "/bin/python3"
        self.pythonPath = pythonPath
        self.logs = logs
    }

    func log(_ name: String) -> ChildLog { ChildLog(name, in: logs) }

    /// Starts a module; its events are lines of JSON on descriptor 3.
    func start(
        _ module: String, _ arguments: [String], log: ChildLog, environment more: [String: String] = [:]
    ) throws -> ChildProcess {
        guard FileManager.default.isExecutableFile(atPath: executable) else {
            throw LocalModelError(.setup, "\(executable) is missing; `make setup` makes the virtual environment")
        }
        var environment = ["PYTHONPATH": pythonPath, "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"]
        environment["LD_LIBRARY_PATH"] = ProcessInfo.processInfo.environment["LD_LIBRARY_PATH"]
        environment["LOSSLAB_PARENT"] = "\(ProcessInfo.processInfo.processIdentifier)"
        environment.merge(more) { $1 }
        // Without -P a file of the current folder could stand in for a module.
        return try ChildProcess.start(
            executable: URL(filePath: executable),
            arguments: ["-P", "-B", "-m", "losslab_trainer.local_model.start", module, "--events-fd", "3"] + arguments,
            environment: environment, logFile: log.file)
    }
}
