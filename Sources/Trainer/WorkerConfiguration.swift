import Foundation

/// Where the worker's parts are and what it is allowed.
public struct WorkerConfiguration: Sendable {
    /// The `losslab-worker` program.
    public let executable: String
    /// The virtual environment with torch.
    public let virtualEnvironment: String
    /// The folder that holds the `losslab_trainer` package.
    public let pythonPath: String
    /// Reference log-probabilities and other things computed once.
    public let cache: String
    /// Folder for the workers' logs.
    public let logs: String
    /// Lets generated code run where the kernel lacks Landlock or seccomp: only on the user's explicit word.
    public let allowUnsandboxed: Bool

    public init(
        executable: String, virtualEnvironment: String, pythonPath: String? = nil, cache: String, logs: String,
        allowUnsandboxed: Bool = false
    ) {
        self.executable = executable
        self.virtualEnvironment = virtualEnvironment
        self.pythonPath = pythonPath ?? Self.bundledPythonPath
        self.cache = cache
        self.logs = logs
        self.allowUnsandboxed = allowUnsandboxed
    }

    /// The package's Python sources, carried beside the program as a resource.
    public static var bundledPythonPath: String { Bundle.module.bundleURL.appending(path: "python").path }

    /// A child's events leave it by descriptor 3.
    var arguments: [String] {
        var arguments = [
            "trainer", "--venv", virtualEnvironment, "--python-path", pythonPath, "--cache", cache, "--events-fd", "3",
        ]
        if allowUnsandboxed { arguments.append("--allow-unsandboxed") }
        return arguments
    }

    /// Only what a worker needs: no key of the controller's environment reaches it.
    var environment: [String: String] {
        var environment = [
            "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1",
            "TOKENIZERS_PARALLELISM": "false", "LANG": "C.UTF-8", "PATH": "/usr/bin:/bin", "HOME": cache,
            "SWIFT_BACKTRACE": "enable=no",
        ]
        if let library = ProcessInfo.processInfo.environment["LD_LIBRARY_PATH"] {
            environment["LD_LIBRARY_PATH"] = library
        }
        return environment
    }
}
