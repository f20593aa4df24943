import Foundation
import LoopbackServers
import Testing

@testable import ChatClient

/// LiteLLM's proxy with mocked models.
struct LiteLLMProxy {
    /// The proxy refuses weak ones.
    static let key = "sk-loopback-0123456789-0123456789-0123456789"

    static let models = """
          - model_name: mock
            litellm_params: {model: openai/gpt-4o, api_key: none, mock_response: "Grüße from the mock"}
          - model_name: limited
            litellm_params: {model: openai/gpt-4o, api_key: none, mock_response: "litellm.RateLimitError"}
          - model_name: broken
            litellm_params: {model: openai/gpt-4o, api_key: none, mock_response: "litellm.InternalServerError"}
        """

    private let server: ForeignServer

    init() throws { server = try ForeignServer(liteLLM: Self.models, key: Self.key) }

    func stop() { server.stop() }

    func client(
        _ provider: ChatEndpoint.Provider = .openai, key: String? = LiteLLMProxy.key
    ) throws -> ChatClient {
        let endpoint = ChatEndpoint(
            name: "litellm", provider: provider, baseURL: server.root, keyEnvironment: "PROXY_KEY", retries: 2,
            backoff: .milliseconds(50))
        return try ChatClient(
            endpoint: endpoint, prices: PriceTable(["mock": .init(prompt: 2.5, completion: 10)]),
            environment: key.map { ["PROXY_KEY": $0] } ?? [:])
    }
}

@Suite struct RealServerTests {
    @Test(.enabled(if: ForeignServer.isInstalled, "needs `make .venv-servers/.complete`"))
    func aServerThatNoneOfUsWroteIsUnderstood() async throws {
        let proxy = try LiteLLMProxy()
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
    @Test(.enabled(if: ForeignServer.isInstalled, "needs `make .venv-servers/.complete`"))
    func manyRequestsShareOneConnectionOverHTTP2() async throws {
        let server = try ScriptedServer(http2: ForeignServer.programs.appending(path: "python3").path)
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
