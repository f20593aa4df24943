import Testing

@testable import ChatClient

/// One word asked for before anything expensive.
@Suite struct ProbeTests {
    @Test(arguments: ChatEndpoint.Provider.allCases)
    func whatKeepsAModelFromAnsweringIsToldAndAnOddRefusalIsNot(provider: ChatEndpoint.Provider) async throws {
        let server = try ScriptedServer.shared.get()
        let client = try ChatClient(endpoint: server.endpoint(provider, retries: 1))
        let purpose = ChatPurpose(step: "probe")
        let cases: [(String, ChatError.Kind?)] = [
            ("ok", nil), ("bad", nil), ("filter", nil), ("key", .refusedKey), ("model", .unknownModel),
            ("place", .configuration), ("500", .serverError), ("quota", .rateLimited), ("html", .serverError),
            ("badjson", .malformedReply),
        ]
        for (behaviour, kind) in cases {
            var error: ChatError?
            do { try await client.probe(script(behaviour), for: purpose) } catch let thrown as ChatError {
                error = thrown
            }
            #expect(error?.kind == kind, "\(behaviour): \(error.map { "\($0)" } ?? "no error")")
        }
    }

    @Test func aDeferredClientIsMadeWhenItIsFirstAskedAndOnce() async throws {
        let server = try ScriptedServer.shared.get()
        let keyless = DeferredChatClient {
            try ChatClient(endpoint: ChatEndpoint(keyEnvironment: "NO_SUCH_KEY"), environment: [:])
        }
        let error = try await chatError { try await keyless.complete(ask(script("ok")), for: .init(step: "x")) }
        #expect(error?.kind == .configuration && error?.message.contains("NO_SUCH_KEY") == true)
        let ledger = ChatLedger()
        let client = DeferredChatClient { try ChatClient(endpoint: server.endpoint(), ledger: ledger) }
        for _ in 0..<2 { _ = try await client.complete(ask(script("ok")), for: .init(step: "x")) }
        #expect(ledger.totals.total.calls == 2)
    }
}
