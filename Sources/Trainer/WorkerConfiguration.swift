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
    /// Lets the worker ask the Hugging Face Hub, with the user's own cache and token; never its loss processes.
    public let reachesHub: Bool

    public init(
        executable: String, virtualEnvironment: String, pythonPath: String? = nil, cache: String, logs: String,
        allowUnsandboxed: Bool = false, reachesHub: Bool = false
    ) {
        self.executable = executable
        self.virtualEnvironment = virtualEnvironment
        self.pythonPath = pythonPath ?? Self.bundledPythonPath
        self.cache = cache
        self.logs = logs
        self.allowUnsandboxed = allowUnsandboxed
        self.reachesHub = reachesHub
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

    private static let hubVariables = [
        "HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "HF_HOME", "HF_HUB_CACHE", "HF_DATASETS_CACHE", "HF_ENDPOINT",
        "HF_TOKEN",
        "HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "NO_PROXY", "no_proxy", "SSL_CERT_FILE",
        "REQUESTS_CA_BUNDLE", "MLFLOW_TRACKING_URI", "WANDB_API_KEY", "WANDB_BASE_URL", "WANDB_ENTITY", "WANDB_PROJECT",
    ]

    /// Only what a worker needs: no key of the controller's environment reaches it, but the Hub's where it may ask it.
    var environment: [String: String] {
        var environment = [
            "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1",
            "TOKENIZERS_PARALLELISM": "false", "LANG": "C.UTF-8", "PATH": "/usr/bin:/bin", "HOME": cache,
            "SWIFT_BACKTRACE": "enable=no",
        ]
        // A worker ends with us, also when we have gone before it could ask who started it.
        environment["LOSSLAB_PARENT"] = "\(ProcessInfo.processInfo.processIdentifier)"
        if let library = ProcessInfo.processInfo.environment["LD_LIBRARY_PATH"] {
            environment["LD_LIBRARY_PATH"] = library
        }
        if reachesHub {
            let own = ProcessInfo.processInfo.environment
            environment["HF_HUB_OFFLINE"] = nil
            environment["HF_HOME"] = (own["HOME"] ?? cache) + "/.cache/huggingface"
            for name in Self.hubVariables { environment[name] = own[name] ?? environment[name] }
        }
        return environment
    }
}
