import Foundation
import Testing

@testable import ChatClient

@Suite struct EndpointTests {
    private func decode(_ text: String) throws -> ChatEndpoint {
        try JSONDecoder().decode(ChatEndpoint.self, from: Data(text.utf8))
    }

    @Test func everyFieldHasADefault() throws {
        let local = try decode(#"{"baseURL": "http://localhost:11434/v1"}"#)
        #expect(local == ChatEndpoint(baseURL: "http://localhost:11434/v1"))
        #expect(local.name == "localhost" && local.keyEnvironment == nil && local.concurrency == 8 && local.isLoopback)
        #expect(try decode("{}").keyEnvironment == "OPENAI_API_KEY")
        let anthropic = try decode(#"{"provider": "anthropic", "timeouts": {"call": "20m", "stall": 5}}"#)
        #expect(anthropic.keyEnvironment == "ANTHROPIC_API_KEY" && anthropic.name == "anthropic")
        #expect(anthropic.timeouts.call == .seconds(1200) && anthropic.timeouts.stall == .seconds(5))
        #expect(try decode(#"{"keyFile": "k"}"#).keyEnvironment == nil)
    }

    @Test func anEndpointReadsBackAsItWas() throws {
        let endpoint = ChatEndpoint(
            name: "n", provider: .anthropic, baseURL: "https://x.example/v1", keyEnvironment: "K", concurrency: 3,
            requestsPerMinute: 5, tokensPerMinute: 7, timeouts: .init(connect: .milliseconds(1500)), retries: 1,
            backoff: .seconds(2), caFile: "c", proxy: "http://p:1", contextTokens: 9, defaultMaxTokens: 11,
            extraHeaders: ["X-Title": "lab"])
        let again = try JSONDecoder().decode(ChatEndpoint.self, from: try JSONEncoder().encode(endpoint))
        #expect(again == endpoint)
    }

    @Test(arguments: [#"{"timeouts": {"call": "long"}}"#, #"{"timeouts": {"call": -1}}"#, #"{"provider": "x"}"#])
    func whatIsNoEndpointIsRefused(_ text: String) {
        #expect(throws: DecodingError.self) { try decode(text) }
    }

    static let wrong: [(ChatEndpoint, String)] = [
        (.init(baseURL: "localhost:1234"), "baseURL"), (.init(baseURL: "ftp://x/v1"), "baseURL"),
        (.init(baseURL: "https://user:secret@x.example/v1"), "keyEnvironment"),
        (.init(baseURL: "https://x.example/v1?key=secret"), "extraHeaders"),
        (.init(baseURL: "http://localhost", concurrency: 0), "concurrency"),
        (.init(baseURL: "http://localhost", requestsPerMinute: 0), "requestsPerMinute"),
        (.init(baseURL: "http://localhost", caFile: "/none.pem"), "caFile"),
        (.init(baseURL: "http://localhost", proxy: "http://u:p@proxy"), "https_proxy"),
        (.init(baseURL: "http://localhost", extraHeaders: ["Authorization": "Bearer x"]), "${MY_KEY}"),
        (.init(baseURL: "http://localhost", extraHeaders: ["X\r\nY": "x"]), "extraHeaders"),
        (.init(baseURL: "http://localhost", extraHeaders: ["X": "${NOT_SET}"]), "NOT_SET"),
        (.init(baseURL: "https://x.example", keyEnvironment: "NO_KEY"), "NO_KEY"),
        (.init(baseURL: "https://x.example", keyFile: "/none/key"), "/none/key"),
    ]

    @Test(arguments: wrong)
    func aWrongFieldIsNamed(_ endpoint: ChatEndpoint, field: String) throws {
        let error = #expect(throws: ChatError.self) { try ChatClient(endpoint: endpoint, environment: [:]) }
        #expect(error?.kind == .configuration && error?.message.contains(field) == true, "\(String(describing: error))")
        #expect(error?.message.contains("secret") == false)
    }

    static let urls = [
        ("https://api.openai.com/v1", "https://api.openai.com/v1/chat/completions"),
        ("http://localhost:8000", "http://localhost:8000/v1/chat/completions"),
        ("https://x.example/openai/v1/", "https://x.example/openai/v1/chat/completions"),
        ("https://x.example/v1/chat/completions", "https://x.example/v1/chat/completions"),
        ("https://x.example/d/gpt?api-version=1", "https://x.example/d/gpt/chat/completions?api-version=1"),
    ]

    @Test(arguments: urls)
    func requestsGoBelowTheBaseURL(_ base: String, url: String) throws {
        #expect(try ChatEndpoint(baseURL: base).validatedURL() == url)
    }

    @Test func onlyThisMachineIsLoopback() {
        for url in [
            "http://localhost:1", "http://127.0.0.1/v1", "http://127.1.2.3", "http://[::1]:80/v1", "http://a.localhost",
        ] {
            #expect(ChatEndpoint(baseURL: url).isLoopback, "\(url)")
        }
        for url in [
            "http://localhost.example.com", "http://127.0.0.1.example.com", "http://10.0.0.1", "https://api.openai.com",
        ] {
            #expect(!ChatEndpoint(baseURL: url).isLoopback, "\(url)")
        }
    }
}

@Suite struct PriceTableTests {
    @Test func theExactNameComesBeforePatternsAndLongerOnesBeforeShorter() async throws {
        try await withTemporaryFolder { folder in
            let file = folder + "/prices.yaml"
            try """
            # dollars
            gpt-4o: {prompt: 2.5, completion: 10, cached: 1.25}
            "gpt-4o-*": {prompt: 3, completion: 12}
            "*": {prompt: 100, completion: 100}
            "*/free-*-x": {prompt: 0, completion: 0}
            """.write(toFile: file, atomically: true, encoding: .utf8)
            let table = try PriceTable(contentsOf: file)
            #expect(table.price(of: "gpt-4o")?.cached == 1.25)
            #expect(table.price(of: "gpt-4o-mini")?.prompt == 3)
            #expect(table.price(of: "a/free-b-x")?.prompt == 0)
            #expect(table.price(of: "other")?.prompt == 100)
            #expect(PriceTable().price(of: "other") == nil)
            let usage = ChatUsage(promptTokens: 1_000_000, completionTokens: 100_000, cachedTokens: 400_000)
            #expect(table.price(of: "gpt-4o")?.cost(of: usage) == 0.6 * 2.5 + 0.4 * 1.25 + 0.1 * 10)
        }
    }

    @Test(arguments: ["gpt: 3", "gpt: {prompt: -1, completion: 2}", "gpt: {prompt: 1}", "- a"])
    func aFileThatIsNoTableIsRefusedByName(_ text: String) async throws {
        try await withTemporaryFolder { folder in
            try text.write(toFile: folder + "/prices.yaml", atomically: true, encoding: .utf8)
            let error = #expect(throws: ChatError.self) { try PriceTable(contentsOf: folder + "/prices.yaml") }
            #expect(error?.message.contains("prices.yaml") == true)
        }
    }

    @Test func theProjectsPriceFileIsReadAndKnowsDatedNames() throws {
        let root = URL(filePath: #filePath).resolvingSymlinksInPath()
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let table = try PriceTable(contentsOf: root.appending(path: "evaluation/prices.yaml").path)
        #expect(table.price(of: "gpt-4o-2024-08-06")?.prompt == 2.5)
        #expect(table.price(of: "gpt-4o-mini-2024-07-18")?.completion == 0.6)
        #expect(table.price(of: "claude-sonnet-4-5-20250929")?.completion == 15)
        #expect(table.price(of: "gpt-4o-realtime") == nil)
    }
}
