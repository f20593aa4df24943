import Foundation
import Testing

@testable import ChatClient

/// LiteLLM's proxy with mocked models, from the environment that `make .venv-servers/.complete` makes.
final class LiteLLMProxy: Sendable {
    static let programs = URL(filePath: #filePath).resolvingSymlinksInPath()
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: ".venv-servers/bin")
    static let program = programs.appending(path: "litellm")

    static var isInstalled: Bool { FileManager.default.isExecutableFile(atPath: program.path) }

    /// The proxy refuses weak ones.
    static let key = "sk-loopback-0123456789-0123456789-0123456789"

    static let configuration = """
        model_list:
          - model_name: mock
            litellm_params: {model: openai/gpt-4o, api_key: none, mock_response: "Grüße from the mock"}
          - model_name: limited
            litellm_params: {model: openai/gpt-4o, api_key: none, mock_response: "litellm.RateLimitError"}
          - model_name: broken
            litellm_params: {model: openai/gpt-4o, api_key: none, mock_response: "litellm.InternalServerError"}
        general_settings: {master_key: \(key)}
        litellm_settings: {num_retries: 0}
        """

    let base: String
    private let process: Process
    private let folder: URL

    /// Starts it and waits until it answers.
    init() async throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "litellm-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let file = folder.appending(path: "config.yaml")
        try Data(Self.configuration.utf8).write(to: file)
        let port = Int.random(in: 20_000..<60_000)
        base = "http://127.0.0.1:\(port)"
        process = Process()
        process.executableURL = Self.program
        process.arguments = [
            "--config", file.path, "--host", "127.0.0.1", "--port", "\(port)", "--telemetry", "False",
        ]
        var environment = ProcessInfo.processInfo.environment
        environment["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
        process.environment = environment
        process.currentDirectoryURL = folder
        let log = folder.appending(path: "log")
        try Data().write(to: log)
        process.standardOutput = try FileHandle(forWritingTo: log)
        process.standardError = try FileHandle(forWritingTo: log)
        process.standardInput = FileHandle.nullDevice
        try process.run()
        let health = HTTPRequest(url: base + "/health/liveliness", timeouts: .init())
        let deadline = ContinuousClock.now + .seconds(120)
        while (try? await CurlLoop.shared.send(health).get().status) != 200 {
            guard process.isRunning, ContinuousClock.now < deadline else {
                let story = (try? String(contentsOf: log, encoding: .utf8)) ?? ""
                throw ChatError(.configuration, "LiteLLM's proxy did not start: \(story.suffix(2000))")
            }
            try await Task.sleep(for: .milliseconds(200))
        }
    }

    func stop() {
        // Children of a task's thread inherit its signal mask, which holds gentler signals back.
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
        try? FileManager.default.removeItem(at: folder)
    }

    func client(
        _ provider: ChatEndpoint.Provider = .openai, key: String? = LiteLLMProxy.key
    ) throws -> ChatClient {
        let endpoint = ChatEndpoint(
            name: "litellm", provider: provider, baseURL: base, keyEnvironment: "PROXY_KEY", retries: 2,
            backoff: .milliseconds(50))
        return try ChatClient(
            endpoint: endpoint, prices: PriceTable(["mock": .init(prompt: 2.5, completion: 10)]),
            environment: key.map { ["PROXY_KEY": $0] } ?? [:])
    }
}

@Suite struct RealServerTests {
    @Test(.enabled(if: LiteLLMProxy.isInstalled, "needs `make .venv-servers/.complete`"))
    func aServerThatNoneOfUsWroteIsUnderstood() async throws {
        let proxy = try await LiteLLMProxy()
        defer { proxy.stop() }

        let client = try proxy.client()
        for stream in [false, true] {
            var request = ask("mock", stream: stream)
            let reply = try await client.complete(request)
            #expect(reply.text == "Grüße from the mock" && reply.choices.map(\.finish) == [.stop])
            #expect(reply.usage.promptTokens > 0 && reply.usage.completionTokens > 0 && !reply.usage.estimated)
            #expect(reply.cost == client.prices.price(of: "mock")?.cost(of: reply.usage))
            request.n = 3
            #expect(try await client.complete(request).choices.map(\.text).count == 3)
            let message = try await proxy.client(.anthropic).complete(ask("mock", stream: stream))
            #expect(message.text == "Grüße from the mock" && message.usage.promptTokens > 0)
        }

        let limited = try await chatError { try await client.complete(ask("limited")) }
        #expect(limited?.kind == .rateLimited && limited?.status == 429)
        #expect(limited?.message.contains("after 3 requests") == true)
        let broken = try await chatError { try await client.complete(ask("broken")) }
        #expect(broken?.kind == .serverError && broken?.status == 500)
        let ledger = client.ledger.totals.total
        #expect(ledger.calls == 4 && ledger.unanswered == 0)

        for provider in ChatEndpoint.Provider.allCases {
            let unknown = try await chatError { try await proxy.client(provider).complete(ask("nobody")) }
            #expect(unknown?.kind == .unknownModel, "\(String(describing: unknown))")
            let wrong = try proxy.client(provider, key: "sk-wrong-0123456789-0123456789-0123456789")
            let refused = try await chatError { try await wrong.complete(ask("mock")) }
            #expect(refused?.kind == .refusedKey && refused?.message.contains("PROXY_KEY") == true)
        }
    }

    /// Two hundred requests over TLS share connections instead of opening one each.
    @Test(.enabled(if: LiteLLMProxy.isInstalled, "needs `make .venv-servers/.complete`"))
    func manyRequestsShareOneConnectionOverHTTP2() async throws {
        let server = try ScriptedServer(
            python: LiteLLMProxy.programs.appending(path: "python3").path, file: "http2_server.py",
            [ScriptedServer.certificate, ScriptedServer.key], isTLS: true)
        var endpoint = server.endpoint()
        endpoint.caFile = ScriptedServer.certificate
        endpoint.concurrency = 80
        let client = try ChatClient(endpoint: endpoint)
        let replies = try await withThrowingTaskGroup(of: String.self) { group in
            for _ in 0..<200 { group.addTask { try await client.complete(ask("h2")).text } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        let figures = try replies.map { try JSONDecoder().decode([String: Int].self, from: Data($0.utf8)) }
        #expect(figures.allSatisfy { $0["connections"] == 1 })
        #expect(figures.compactMap { $0["open"] }.max() ?? 0 > 20)
    }
}
