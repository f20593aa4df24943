import Testing

@testable import ChatClient

/// A word asked for in the shape of each later request, before anything expensive.
@Suite struct ProbeTests {
    let server: ScriptedServer

    init() throws { server = try ScriptedServer.shared.get() }

    private func probe(
        _ requests: [ChatRequest], at endpoint: ChatEndpoint, notes: Notes = Notes()
    ) async throws -> ChatError? {
        let client = try ChatClient(endpoint: endpoint, notes: notes.take)
        do { try await client.probe(requests, for: ChatPurpose(step: "probe")) } catch let error as ChatError {
            return error
        }
        return nil
    }

    @Test(arguments: ChatEndpoint.Provider.allCases)
    func whatKeepsAModelFromAnsweringIsTold(_ provider: ChatEndpoint.Provider) async throws {
        let cases: [(String, ChatError.Kind?)] = [
            ("ok", nil), ("filterazure", nil), ("bad", .badRequest), ("context", .contextOverflow),
            ("key", .refusedKey), ("keygoogle", .refusedKey), ("keyexpired", .refusedKey),
            ("echoedrequest", .badRequest),
            ("model", .unknownModel), ("place", .configuration), ("500", .serverError), ("quota", .rateLimited),
            ("html", .serverError), ("badjson", .malformedReply),
        ]
        for (behaviour, kind) in cases {
            let error = try await probe([ask(script(behaviour))], at: server.endpoint(provider, retries: 1))
            #expect(error?.kind == kind, "\(behaviour): \(error.map { "\($0)" } ?? "no error")")
        }
    }

    /// As the proposer asks: a temperature for each step, a seed, JSON and a system's text.
    static func requests(_ model: String) -> [ChatRequest] {
        [1, 0.7, 0.3, 0.7].map {
            ChatRequest(
                model: model, messages: [.init(.system, "A long text."), .init(.user, "Another one.")], temperature: $0,
                maxTokens: 700, seed: 12, format: .json, reasoningEffort: "low")
        }
    }

    @Test func eachShapeOfRequestIsSentOnceWithAShortText() async throws {
        let model = script("ok")
        var completion = complete(model, "A long text.", maxTokens: 300, stop: ["\ndef "])
        completion.temperature = 0.8
        #expect(try await probe(Self.requests(model) + [completion], at: server.endpoint()) == nil)
        let seen = try await server.seen(model)
        #expect(seen.map(\.body.temperature) == [1, 0.7, 0.3, 0.8])
        let chat = seen.dropLast().map(\.body)
        #expect(chat.allSatisfy { $0.maxTokens == 700 && $0.seed != nil && $0.responseFormat?.type == "json_object" })
        #expect(chat.allSatisfy { $0.messages?.map(\.role) == ["system", "user"] && $0.reasoningEffort == "low" })
        #expect(chat.allSatisfy { $0.messages?.last?.content.contains("JSON") == true })
        let last = try #require(seen.last)
        #expect(last.path == "/v1/completions" && last.body.stop == ["\n"] && last.body.maxTokens == 300)
        #expect(seen.allSatisfy { !"\($0.body)".contains("long text") })
    }

    @Test func whatTheProbeLearnsLaterClientsKnow() async throws {
        let model = script("notemperature,noseed,noformat,nosystem,ok")
        let notes = Notes()
        #expect(try await probe(Self.requests(model), at: server.endpoint(), notes: notes) == nil)
        #expect(notes.texts.count == 4, "\(notes.texts)")
        let before = try await server.seen(model).count
        let later = try ChatClient(endpoint: server.endpoint(), notes: notes.take)
        let reply = try await later.complete(Self.requests(model)[0])
        #expect(reply.attempts == 1 && notes.texts.count == 4)
        let body = try await server.seen(model)[before].body
        #expect(body.temperature == nil && body.seed == nil && body.responseFormat == nil)
        #expect(body.messages?.map(\.content) == ["A long text.\n\nAnother one."])
    }

    @Test func aDeferredClientIsMadeWhenItIsFirstAskedAndOnce() async throws {
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
