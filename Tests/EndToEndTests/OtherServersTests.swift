import ChatClient
import Foundation
import Testing

/// Servers that none of us wrote, from the environment that `make .venv-servers/.complete` makes.
final class ForeignServer: Sendable {
    static let python = Program.repository.appending(path: ".venv-servers/bin/python3")
    static var isInstalled: Bool {
        FileManager.default.fileExists(atPath: Program.repository.appending(path: ".venv-servers/.complete").path)
    }

    let port: Int
    private let process = Process()
    private let folder: URL

    /// Starts a program of the environment and waits until it answers at `health`.
    ///
    /// - Parameter arguments: made from the port and a folder for files.
    init(_ health: String, _ arguments: (Int, URL) throws -> [String]) throws {
        port = Int.random(in: 20_000..<60_000)
        folder = FileManager.default.temporaryDirectory.appending(path: "server-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        process.executableURL = Self.python
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
        if try Self.answers("http://127.0.0.1:\(port)\(health)") { return }
        let story = (try? String(contentsOf: log, encoding: .utf8)) ?? ""
        stop()
        throw ChatError(.configuration, "the server did not start: \(story.suffix(2_000))")
    }

    /// Waits for an answer, in a process of its own: Foundation's own client holds the threads that tests need.
    private static func answers(_ url: String) throws -> Bool {
        let script = """
            import sys, time, urllib.request
            for _ in range(600):
                try:
                    urllib.request.urlopen(sys.argv[1], timeout=5).read()
                    sys.exit(0)
                except OSError:
                    time.sleep(0.3)
            sys.exit(1)
            """
        let waiting = Process()
        waiting.executableURL = URL(filePath: "/usr/bin/python3")
        waiting.arguments = ["-c", script, url]
        try waiting.run()
        waiting.waitUntilExit()
        return waiting.terminationStatus == 0
    }

    func stop() {
        // A polite end would wait for the connections that our client keeps open.
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
        try? FileManager.default.removeItem(at: folder)
    }
}

@Suite(
    .tags(.slow), .serialized,
    .enabled(if: ForeignServer.isInstalled, "needs .venv-servers: make .venv-servers/.complete"))
struct OtherServersTests {
    /// LiteLLM's proxy before the server that writes losses: the same campaign as without it.
    @Test func aCampaignThroughLiteLLMEndsAsOneWithoutIt() async throws {
        let model = try ModelServer()
        let key = "sk-loopback-0123456789-0123456789-0123456789"
        let proxy = try ForeignServer("/health/liveliness") { port, folder in
            let configuration = """
                model_list:
                  - model_name: scripted
                    litellm_params: {model: openai/scripted, api_base: "\(model.base)", api_key: none}
                general_settings: {master_key: \(key)}
                litellm_settings: {num_retries: 0}
                """
            let file = folder.appending(path: "config.yaml")
            try Data(configuration.utf8).write(to: file)
            return [
                Program.repository.appending(path: ".venv-servers/bin/litellm").path, "--config", file.path, "--host",
                "127.0.0.1", "--port", "\(port)", "--telemetry", "False",
            ]
        }
        defer { proxy.stop() }
        func campaign(_ base: String, key: String?) -> ModelCampaign {
            var campaign = ModelCampaign(base, strategy: "program", candidates: 8, generationSize: 8)
            campaign.key = key
            return campaign
        }
        let direct = campaign(model.base, key: nil)
        let expected = try await direct.run()
        let through = campaign("http://127.0.0.1:\(proxy.port)/v1", key: key)
        #expect(try await through.run() == expected)
        // LiteLLM counts tokens itself where the server does not, so the calls' sizes may differ; the losses may not.
        let (one, other) = (await direct.candidates(), await through.candidates())
        #expect(one.map(\.source) == other.map(\.source) && one.map(\.status) == other.map(\.status))
        #expect(one.count >= 8)
    }

    /// A policy of the benchmark as a proposer: it writes nonsense, and the campaign says so.
    @Test(.tags(.python), .enabled(if: Program.hasPython, "needs .venv: make setup"))
    func aSmallCheckpointUnderTransformersServeEndsHonestly() throws {
        let policy = Program.repository.appending(path: "evaluation/microbench/base/policy").path
        let server = try ForeignServer("/health") { port, _ in
            [
                "-m", "transformers.cli.transformers", "serve", policy, "--host", "127.0.0.1", "--port", "\(port)",
                "--device", "cpu",
            ]
        }
        defer { server.stop() }
        let program = try ModelCommandTests.program()
        defer { program.remove() }
        let recipe = ModelCommandTests.recipe("http://127.0.0.1:\(server.port)/v1", candidates: 1)
            .replacing("model: scripted", with: "model: \(policy)\n  maxTokens: 64\n  contextTokens: 2048")
        _ = try program.write(recipe, to: "runs/model.yaml")
        let outcome = try program.run("campaign", "run", "runs/model.yaml")
        #expect(outcome.code == 2, "\(outcome.errors)")
        #expect(outcome.output.contains("## Verdict: no discovery"))
        #expect(outcome.output.contains("evolution") && outcome.output.contains("0 failed"), "\(outcome.output)")
    }
}
