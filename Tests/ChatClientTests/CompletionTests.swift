import ChatClient
import Foundation
import Testing

@Suite struct CompletionTests {
    let server: ScriptedServer

    init() throws { server = try ScriptedServer.shared.get() }

    @Test(arguments: ChatEndpoint.Provider.allCases, [false, true])
    func aReplyBringsTextModelAndUsage(_ provider: ChatEndpoint.Provider, stream: Bool) async throws {
        let client = try ChatClient(endpoint: server.endpoint(provider))
        let reply = try await client.complete(ask(script("ok"), "Größe: “naïve” 🎉 \"x\\y\"\n\u{1}", stream: stream))
        #expect(reply.text == "Größe: “naïve” 🎉 \"x\\y\"\n\u{1}")
        #expect(reply.choices.map(\.finish) == [.stop])
        #expect(reply.model == "served")
        #expect(reply.usage == ChatUsage(promptTokens: 100, completionTokens: 10, cachedTokens: 20))
        #expect(reply.attempts == 1)
        #expect(reply.cost == nil)
        #expect(reply.seconds > 0)
    }

    @Test(arguments: [false, true])
    func severalRepliesComeInTheirOrder(stream: Bool) async throws {
        var request = ask(script("ok"), "a", stream: stream)
        request.n = 3
        let reply = try await ChatClient(endpoint: server.endpoint()).complete(request)
        #expect(reply.choices.map(\.text) == ["a", "a 1", "a 2"])
        #expect(try await server.seen(request.model).count == 1)
    }

    @Test func anthropicIsAskedOnceForEachReply() async throws {
        var request = ask(script("ok"), "a")
        request.n = 3
        let reply = try await ChatClient(endpoint: server.endpoint(.anthropic)).complete(request)
        #expect(reply.choices.map(\.text) == ["a", "a", "a"])
        #expect(reply.usage.promptTokens == 300)
        #expect(reply.attempts == 3)
    }

    @Test func everyFieldOfARequestIsSentAsOpenAINamesIt() async throws {
        let model = script("ok")
        var request = ChatRequest(
            model: model,
            messages: [.init(.system, "s"), .init(.user, "u"), .init(.assistant, "a"), .init(.user, "v")],
            temperature: 0.7, maxTokens: 12, seed: 5, stop: ["END"], format: .json, reasoningEffort: "low")
        let client = try ChatClient(endpoint: server.endpoint())
        _ = try await client.complete(request)
        request.format = .schema(name: "loss", schema: #"{"type": "object"}"#)
        _ = try await client.complete(request)
        let seen = try await server.seen(model)
        let body = seen[0].body
        #expect(seen[0].path == "/v1/chat/completions")
        #expect(body.messages?.map(\.role) == ["system", "user", "assistant", "user"])
        #expect(body.temperature == 0.7 && body.maxTokens == 12 && body.seed == 5 && body.stop == ["END"])
        #expect(body.reasoningEffort == "low" && body.n == nil && body.stream == nil)
        #expect(seen.map(\.body.responseFormat?.type) == ["json_object", "json_schema"])
        #expect(seen[0].headers["authorization"] == nil)
    }

    @Test func anthropicGetsTheSystemMessageApartAndALimit() async throws {
        let model = script("ok")
        let request = ChatRequest(
            model: model, messages: [.init(.system, "s"), .init(.user, "u"), .init(.user, "v")], stop: ["END"],
            format: .json)
        _ = try await ChatClient(endpoint: server.endpoint(.anthropic)).complete(request)
        let seen = try await server.seen(model)[0]
        #expect(seen.path == "/v1/messages")
        #expect(seen.headers["anthropic-version"] == "2023-06-01")
        #expect(seen.body.system?.hasPrefix("s\n\nReply with one JSON object") == true)
        #expect(seen.body.messages?.map(\.content) == ["u\n\nv"])
        #expect(seen.body.maxTokens == 4096)
        #expect(seen.body.stopSequences == ["END"])
    }

    @Test func aModelThatRefusesMaxTokensIsAskedAgainOnceAndThenKnown() async throws {
        let client = try ChatClient(endpoint: server.endpoint(retries: 0))
        let model = script("maxtokens,ok")
        #expect(try await client.complete(ask(model)).attempts == 2)
        #expect(try await client.complete(ask(model)).attempts == 1)
        let bodies = try await server.seen(model).map(\.body)
        #expect(bodies.map(\.maxTokens) == [50, nil, nil])
        #expect(bodies.map(\.maxCompletionTokens) == [nil, 50, 50])
    }

    @Test func callsAtTheSameTimeAllLearnWhatAModelTakes() async throws {
        let client = try ChatClient(endpoint: server.endpoint(retries: 0))
        let model = script("format")
        var request = ask(model)
        request.format = .json
        let asked = request
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<4 { group.addTask { _ = try await client.complete(asked) } }
            try await group.waitForAll()
        }
        _ = try await client.complete(asked)
        let formats = try await server.seen(model).map(\.body.responseFormat?.type)
        #expect(formats.suffix(1) == [nil] && formats.count >= 6)
    }

    @Test func aServerWithoutDoneAndUsageIsReadToItsEnd() async throws {
        let reply = try await ChatClient(endpoint: server.endpoint()).complete(
            ask(script("nodone"), "abc", stream: true))
        #expect(reply.text == "abc")
        #expect(reply.usage.estimated && reply.usage.completionTokens == 1)
    }

    @Test func aServerThatIgnoresStreamingIsRead() async throws {
        for provider in ChatEndpoint.Provider.allCases {
            let client = try ChatClient(endpoint: server.endpoint(provider))
            #expect(try await client.complete(ask(script("ignorestream"), stream: true)).text == "Hello")
        }
    }

    @Test func streamedTextArrivesPieceByPieceBeforeTheEnd() async throws {
        let (pieces, sink) = AsyncStream<(String?, ContinuousClock.Instant)>.makeStream()
        let client = try ChatClient(endpoint: server.endpoint())
        let reply = try await client.complete(
            ask(script("stream:0.1"), "abcdefghijkl", stream: true), for: ChatPurpose(step: "test")
        ) { sink.yield(($0, .now)) }
        let end = ContinuousClock.now
        sink.finish()
        var seen: [(String?, ContinuousClock.Instant)] = []
        for await piece in pieces { seen.append(piece) }
        #expect(seen.compactMap(\.0) == ["abcd", "efgh", "ijkl"])
        #expect(reply.text == "abcdefghijkl")
        let first = try #require(seen.first)
        #expect(end - first.1 > .milliseconds(250))
    }

    @Test func aProxyIsUsedWhereOneIsNamed() async throws {
        var endpoint = server.endpoint()
        endpoint.baseURL = "http://models.invalid/v1"
        endpoint.proxy = server.root
        let model = script("ok")
        #expect(try await ChatClient(endpoint: endpoint).complete(ask(model)).text == "Hello")
        #expect(try await server.seen(model)[0].path == "http://models.invalid/v1/chat/completions")
    }

    @Test func aBaseURLMayLackItsVersion() async throws {
        var endpoint = server.endpoint()
        endpoint.baseURL = server.root + "/"
        let model = script("ok")
        _ = try await ChatClient(endpoint: endpoint).complete(ask(model))
        #expect(try await server.seen(model)[0].path == "/v1/chat/completions")
    }

    @Test func threeHundredCallsAreInFlightAtTheSameTime() async throws {
        var endpoint = server.endpoint()
        endpoint.concurrency = 300
        let client = try ChatClient(endpoint: endpoint)
        let model = script("slow:3")
        let replies = try await withThrowingTaskGroup(of: String.self) { group in
            for number in 0..<300 { group.addTask { try await client.complete(ask(model, "\(number)")).text } }
            return try await group.reduce(into: Set()) { $0.insert($1) }
        }
        #expect(replies == Set((0..<300).map(String.init)))
        #expect(try await server.most(model) > 200)
    }

    @Test func anEndpointsConcurrencyIsKept() async throws {
        var endpoint = server.endpoint()
        endpoint.concurrency = 3
        let client = try ChatClient(endpoint: endpoint)
        let model = script("slow:0.02")
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<20 { group.addTask { _ = try await client.complete(ask(model)) } }
            try await group.waitForAll()
        }
        #expect(try await server.most(model) == 3)
        #expect(try await server.seen(model).count == 20)
    }

    @Test func replyFormatsThatCannotBeAreRefusedBeforeAnythingIsSent() async throws {
        let client = try ChatClient(endpoint: server.endpoint())
        var request = ask(script("ok"))
        request.format = .schema(name: "x", schema: "no JSON")
        #expect(try await chatError { try await client.complete(request) }?.kind == .configuration)
        #expect(try await server.seen(request.model).isEmpty)
    }
}
