public import LabCore

/// One line from the worker.
public enum WorkerEvent: Sendable {
    case ready(WorkerReady)
    case metrics(id: String, step: Int, values: [String: Double])
    case report(id: String, WorkerReport)
    /// The worker cannot work at all, such as without a virtual environment.
    ///
    /// - Parameter logged: whether what it printed says more.
    case fatal(String, logged: Bool)
}

/// What a worker says of itself once it can take jobs.
public struct WorkerReady: Codable, Sendable {
    public let version: Int
    public let python: String
    public let torch: String
    public let sandbox: SandboxLayers
}

/// The isolation that the loss process has on this machine.
public struct SandboxLayers: Codable, Sendable, Equatable {
    /// Landlock ABI version; 0 or absent without it.
    public let landlock: Int?
    public let seccomp: Bool?
    public let namespaces: [String]?
    public let uidDropped: Bool?
    /// Layers that are required and not there.
    public let missing: [String]?

    /// One word a layer, as recorded with each trial.
    public var names: [String] {
        var names: [String] = []
        if let landlock, landlock > 0 { names.append("landlock-\(landlock)") }
        if seccomp == true { names.append("seccomp") }
        names += (namespaces ?? []).map { "namespace-\($0)" }
        if uidDropped == true { names.append("uid-dropped") }
        return names
    }
}

/// How a job ended; `Payload` is the kind's own result, as JSON bytes.
public struct WorkerReport: Sendable {
    public enum Status: String, Codable, Sendable {
        case done
        /// The loss's fault.
        case rejected
        /// Our fault.
        case failed
    }

    public let status: Status
    public let rejection: Rejection?
    /// One sentence.
    public let error: String?
    /// Of a failure, as Python prints it; for a log, never for people.
    public let trace: String?
    /// The whole line, from which the caller decodes the result it expects.
    public let line: String
}

/// The result of a train job.
public struct TrainJobResult: Codable, Sendable {
    public struct KL: Codable, Sendable {
        public let value: Double
        public let standardError: Double?
    }

    public let metrics: [String: Double]
    public let kl: KL?
    /// Files in the output folder by sampling name.
    public let answers: [String: String]
    public let steps: Int
    public let seconds: [String: Double]
    public let weightsHash: String?
    public let sandbox: SandboxLayers?
}

/// The result of an import job.
public struct ImportJobResult: Codable, Sendable {
    public let source: String
    /// What reading left out of the text; `nil` from a worker that does not say.
    public let removed: [String]?
    /// What stands in the file in other words.
    public let rewritten: [String]?
}
