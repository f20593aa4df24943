public import Foundation

/// A server that none of us wrote, from the environment that `make .venv-servers/.complete` makes.
public final class ForeignServer: Sendable {
    public static let programs = FixtureServer.repository.appending(path: ".venv-servers/bin")

    public static var isInstalled: Bool {
        FileManager.default.fileExists(
            atPath: FixtureServer.repository.appending(path: ".venv-servers/.complete").path)
    }

    public let port: Int
    private let process = Process()
    private let folder: URL

    public var root: String { "http://127.0.0.1:\(port)" }

    /// Starts a program of the environment and waits until it answers at `health`.
    ///
    /// - Parameter arguments: made from the port and a folder for files; run by the environment's Python.
    public init(_ health: String, _ arguments: (Int, URL) throws -> [String]) throws {
        port = try Self.freePort()
        folder = FileManager.default.temporaryDirectory.appending(path: "server-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        process.executableURL = Self.programs.appending(path: "python3")
        process.arguments = try arguments(port, folder)
        var environment = ProcessInfo.processInfo.environment
        environment["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
        environment["HF_HUB_OFFLINE"] = "1"
        environment["OMP_NUM_THREADS"] = "1"
        process.environment = environment
        process.currentDirectoryURL = folder
        let log = folder.appending(path: "log")
        try Data().write(to: log)
        process.standardOutput = try FileHandle(forWritingTo: log)
        process.standardError = try FileHandle(forWritingTo: log)
        process.standardInput = FileHandle.nullDevice
        try process.run()
        if try Self.answers(root + health, process.processIdentifier) { return }
        let story = (try? String(contentsOf: log, encoding: .utf8)) ?? ""
        stop()
        throw ServerError("a server of .venv-servers", said: String(story.suffix(2_000)))
    }

    /// LiteLLM's proxy.
    ///
    /// - Parameters:
    ///   - models: the `model_list` of its configuration, a list in YAML.
    ///   - key: its clients' key; it refuses weak ones.
    public convenience init(liteLLM models: String, key: String) throws {
        try self.init("/health/liveliness") { port, folder in
            let configuration = """
                model_list:
                \(models)
                general_settings: {master_key: \(key)}
                litellm_settings: {num_retries: 0}
                """
            let file = folder.appending(path: "config.yaml")
            try Data(configuration.utf8).write(to: file)
            return [
                Self.programs.appending(path: "litellm").path, "--config", file.path, "--host", "127.0.0.1", "--port",
                "\(port)", "--telemetry", "False",
            ]
        }
    }

    /// Waits for an answer, in a process of its own; `false` when there is none for three minutes or the server ended.
    private static func answers(_ url: String, _ server: Int32) throws -> Bool {
        let script = """
            import os, sys, time, urllib.request
            for _ in range(600):
                try:
                    urllib.request.urlopen(sys.argv[1], timeout=5).read()
                    sys.exit(0)
                except OSError:
                    time.sleep(0.3)
                if open(f"/proc/{sys.argv[2]}/stat").read().rsplit(")", 1)[1].split()[0] == "Z":
                    sys.exit(1)
            sys.exit(1)
            """
        return try run(["-c", script, url, "\(server)"]).status == 0
    }

    /// A port that was free a moment ago.
    private static func freePort() throws -> Int {
        let script = "import socket; s = socket.socket(); s.bind(('127.0.0.1', 0)); print(s.getsockname()[1])"
        let text = try run(["-c", script]).output.trimmingCharacters(in: .whitespacesAndNewlines)
        guard let port = Int(text) else { throw ServerError("Python", said: text) }
        return port
    }

    private static func run(_ arguments: [String]) throws -> (status: Int32, output: String) {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/python3")
        process.arguments = arguments
        let output = Pipe()
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        let data = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return (process.terminationStatus, String(decoding: data, as: UTF8.self))
    }

    public func stop() {
        // A polite end would wait for the connections that our client keeps open.
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
        try? FileManager.default.removeItem(at: folder)
    }
}
