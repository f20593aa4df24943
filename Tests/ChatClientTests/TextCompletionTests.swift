import Foundation
import Testing

@testable import ChatClient

/// Texts to complete, through `/completions`.
@Suite struct TextCompletionTests {
    let server: ScriptedServer

    init() throws { server = try ScriptedServer.shared.get() }

    @Test func everyFieldIsSentAsOpenAINamesItAndTheTextComesBack() async throws {
        let model = script("ok")
        let client = try ChatClient(endpoint: server.endpoint())
        let reply = try await client.complete(complete(model, "def loss_v2(", stop: ["\ndef ", "\nclass "]))
        #expect(reply.text == "def loss_v2(" && reply.choices.map(\.finish) == [.stop])
        #expect(reply.usage == ChatUsage(promptTokens: 100, completionTokens: 10, cachedTokens: 20))
        let seen = try await server.seen(model)[0]
        #expect(seen.path == "/v1/completions")
        let body = seen.body
        #expect(body.prompt == "def loss_v2(" && body.messages == nil)
        #expect(body.temperature == 0.8 && body.maxTokens == 50 && body.seed == 5)
        #expect(body.stop == ["\ndef ", "\nclass "] && body.n == nil && body.responseFormat == nil)
    }

    @Test func severalCompletionsComeInTheirOrderAlsoAsAStream() async throws {
        let client = try ChatClient(endpoint: server.endpoint())
        var request = complete(script("ok"), "a + b", n: 3)
        #expect(try await client.complete(request).choices.map(\.text) == ["a + b", "a + b 1", "a + b 2"])
        request.stream = true
        let streamed = try await client.complete(request)
        #expect(streamed.choices.map(\.text) == ["a + b", "a + b 1", "a + b 2"] && !streamed.usage.estimated)
        #expect(try await server.seen(request.model).count == 2)
    }

    /// Servers that are not told a limit stop after as few as 16 tokens, and none of them knows the newer name.
    @Test func aCompletionAlwaysHasALimitAndByItsOldName() async throws {
        var endpoint = server.endpoint()
        endpoint.defaultMaxTokens = 300
        for model in [script("ok"), script("ok") + "/gpt-5"] {
            _ = try await ChatClient(endpoint: endpoint).complete(complete(model, maxTokens: nil))
            let body = try await server.seen(model)[0].body
            #expect(body.maxTokens == 300 && body.maxCompletionTokens == nil)
        }
    }

    @Test(arguments: [
        ("", "/v1/completions"), ("/api", "/api/completions"), ("/v1/chat/completions", "/v1/completions"),
    ])
    func completionsHaveTheirOwnPlace(_ base: String, place: String) async throws {
        var endpoint = server.endpoint()
        endpoint.baseURL = server.root + base
        let model = script("ok")
        _ = try await ChatClient(endpoint: endpoint).complete(complete(model))
        #expect(try await server.seen(model).map(\.path) == [place])
        var other = server.endpoint()
        other.baseURL = server.root + "/v1/completions"
        _ = try await ChatClient(endpoint: other).complete(ask(model))
        #expect(try await server.seen(model).last?.path == "/v1/chat/completions")
    }

    @Test func aServerWithoutCompletionsIsToldAsSuch() async throws {
        let client = try ChatClient(endpoint: server.endpoint())
        let error = try #require(try await chatError { try await client.complete(complete(script("place"))) })
        #expect(error.kind == .configuration && error.message.contains("completes no text at \(server.root)/v1/com"))
        let model = script("ok")
        let anthropic = try ChatClient(endpoint: server.endpoint(.anthropic))
        let refused = try #require(try await chatError { try await anthropic.complete(complete(model)) })
        #expect(refused.kind == .configuration && refused.message.contains("chat form"))
        #expect(try await server.seen(model).isEmpty)
    }

    @Test func aRequestIsEitherAConversationOrAText() async throws {
        let client = try ChatClient(endpoint: server.endpoint())
        var both = complete(script("ok"))
        both.messages = [ChatMessage(.user, "u")]
        for request in [both, complete(script("ok"), "")] {
            #expect(try await chatError { try await client.complete(request) }?.kind == .configuration)
        }
    }

    @Test(arguments: ["500", "badjson", "nochoices", "drop", "429"])
    func troubleIsTriedAgain(_ behaviour: String) async throws {
        let client = try ChatClient(endpoint: server.endpoint())
        let reply = try await client.complete(complete(script("\(behaviour),ok")))
        #expect(reply.text == "def " && reply.attempts == 2)
    }

    @Test func aPromptCountsInEstimatesAndTheLedger() async throws {
        let request = complete("m", String(repeating: "x", count: 300))
        #expect(TokenEstimate.usual(request) == 104)
        #expect(TokenEstimate.most(request) == 300 + 5 * TokenEstimate.perMessage)
        let client = try ChatClient(endpoint: server.endpoint(), ledger: ChatLedger(budget: .init(tokens: 200)))
        let error = try await chatError {
            try await client.complete(complete(script("ok"), String(repeating: "x", count: 300)))
        }
        #expect(error?.kind == .budgetReached)
    }

    @Test func cassettesAndTheCacheKnowCompletionsByTheirText() async throws {
        try await withTemporaryFolder { folder in
            let model = script("ok")
            func client(_ mode: Cassette.Mode) throws -> ChatClient {
                try ChatClient(
                    endpoint: server.endpoint(), cassette: try Cassette(folder + "/tape.jsonl", mode: mode))
            }
            for text in ["a", "b"] { _ = try await client(.extend).complete(complete(model, text)) }
            let player = try client(.replay)
            for text in ["b", "a"] { #expect(try await player.complete(complete(model, text)).text == text) }
            let missing = try await chatError { try await player.complete(complete(model, "something new")) }
            #expect(missing?.message.contains("something new") == true)
            #expect(try await server.seen(model).count == 2)

            let cached = try ChatClient(endpoint: server.endpoint(), cache: try ResponseCache(folder + "/cache"))
            for text in ["a", "b", "a"] {
                var request = complete(model, text)
                request.temperature = 0
                #expect(try await cached.complete(request).text == text)
            }
            #expect(try await server.seen(model).count == 4)
        }
    }

    /// A prompt must not change what is known by the digest of a conversation.
    @Test func aConversationIsWrittenAsBefore() throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        let text = String(decoding: try encoder.encode(ask("m")), as: UTF8.self)
        #expect(
            text == #"{"format":{"text":{}},"maxTokens":50,"messages":[{"content":"Hello","role":"user"}],"model":"m","#
                + #""n":1,"stop":[],"stream":false}"#)
        let completion = complete("m")
        let again = try JSONDecoder().decode(ChatRequest.self, from: encoder.encode(completion))
        #expect(again == completion && again.prompt == "def ")
    }

    @Test(arguments: [("timings", 60), ("timings:prompt_n", 40)])
    func tokensFromLlamaCppsCacheAreCounted(_ behaviour: String, cached: Int) async throws {
        let client = try ChatClient(endpoint: server.endpoint())
        for request in [complete(script(behaviour)), ask(script(behaviour))] {
            #expect(try await client.complete(request).usage.cachedTokens == cached)
        }
    }
}
