import Foundation
import Testing

@testable import ChatClient

/// A part of a request that a model refuses is left out or put otherwise, learnt once and said once.
@Suite struct RefusalTests {
    let server: ScriptedServer

    init() throws { server = try ScriptedServer.shared.get() }

    struct Case: Sendable, CustomTestStringConvertible {
        let behaviour: String
        let says: String
        let provider: ChatEndpoint.Provider
        let isDone: @Sendable (ScriptedServer.Seen.Body) -> Bool
        var testDescription: String { behaviour }

        init(
            _ behaviour: String, _ says: String, _ provider: ChatEndpoint.Provider = .openai,
            isDone: @escaping @Sendable (ScriptedServer.Seen.Body) -> Bool
        ) {
            self.behaviour = behaviour
            self.says = says
            self.provider = provider
            self.isDone = isDone
        }
    }

    static let cases = [
        Case("notemperature", "temperature: none") { $0.temperature == nil && $0.seed == 5 },
        Case("onlyone", "temperature: none", .anthropic) { $0.temperature == nil && $0.maxTokens == 5000 },
        Case("noseed", "no seed") { $0.seed == nil && $0.temperature == 0.3 },
        Case("extraseed", "no seed") { $0.seed == nil && $0.temperature == 0.3 },
        Case("nostop", "cut here") { $0.stop == nil && $0.temperature == 0.3 },
        Case("fewstops", "cut here") { $0.stop == nil },
        Case("lmstudioformat", "no response_format") { $0.responseFormat == nil },
        Case("noformat", "no response_format") { $0.responseFormat == nil },
        Case("noeffort", "no reasoning_effort") { $0.reasoningEffort == nil && $0.responseFormat != nil },
        Case("nothinking", "no reasoning_effort") { $0.reasoningEffort == nil },
        Case("nosystem", "no system message") { $0.messages?.map(\.content) == ["Be short.\n\nHello"] },
        Case("nosystemrole", "no system message") { $0.messages?.map(\.role) == ["user"] },
        Case("nosystemgoogle", "no system message") { $0.messages?.map(\.role) == ["user"] },
        Case("nosystemjinja", "no system message") { $0.messages?.map(\.role) == ["user"] },
    ]

    /// Has every part that may be refused.
    static func request(_ model: String) -> ChatRequest {
        ChatRequest(
            model: model, messages: [.init(.system, "Be short."), .init(.user, "Hello")], temperature: 0.3,
            maxTokens: 5000, seed: 5, stop: ["END"], format: .json, reasoningEffort: "low")
    }

    @Test(arguments: cases)
    func aRefusedPartIsLearntOnceAndSaidOnce(_ refusal: Case) async throws {
        let model = script(refusal.behaviour)
        let notes = Notes()
        let client = try ChatClient(endpoint: server.endpoint(refusal.provider, retries: 0), notes: notes.take)
        #expect(try await client.complete(Self.request(model)).attempts == 2)
        #expect(try await client.complete(Self.request(model)).attempts == 1)
        let bodies = try await server.seen(model).map(\.body)
        #expect(bodies.count == 3 && bodies.dropFirst().allSatisfy(refusal.isDone), "\(bodies)")
        #expect(!refusal.isDone(bodies[0]))
        #expect(notes.texts.count == 1 && notes.texts[0].contains(refusal.says), "\(notes.texts)")
        #expect(notes.texts[0].hasPrefix("scripted: \(model)"))
    }

    @Test func severalRefusalsAreLearntOneAfterAnother() async throws {
        let model = script("notemperature,noseed,nosystem,noformat,noeffort,nostop,ok")
        let client = try ChatClient(endpoint: server.endpoint(retries: 0))
        #expect(try await client.complete(Self.request(model)).attempts == 7)
        #expect(try await client.complete(Self.request(model)).attempts == 1)
    }

    @Test func aTemperatureOfZeroMayHaveToBePositive() async throws {
        let model = script("strictlypositive")
        let client = try ChatClient(endpoint: server.endpoint(retries: 0))
        var request = ask(model)
        for temperature in [0, 0.7] {
            request.temperature = temperature
            _ = try await client.complete(request)
        }
        #expect(try await server.seen(model).map(\.body.temperature) == [0, 0.01, 0.7])
    }

    @Test func aSchemaFallsBackToAnyObjectAndThenToWords() async throws {
        let schema = #"{"type":"object","properties":{"code":{"type":"string"}}}"#
        for (behaviour, last) in [("noschema", "json_object"), ("noformat", nil)] {
            let model = script(behaviour)
            var request = ask(model)
            request.format = .schema(name: "loss", schema: schema)
            _ = try await ChatClient(endpoint: server.endpoint(retries: 0)).complete(request)
            let bodies = try await server.seen(model).map(\.body)
            #expect(bodies.first?.responseFormat?.type == "json_schema")
            #expect(bodies.last?.responseFormat?.type == last)
            #expect(bodies.first?.messages?.last?.content.contains("JSON Schema") == false)
            #expect(bodies.last?.messages?.last?.content.contains("JSON Schema:\n\(schema)") == true)
            #expect(bodies.count == (last == nil ? 3 : 2))
        }
    }

    /// The form of OpenAI's, vLLM's and llama.cpp's servers.
    @Test func aSchemaIsSentWithItsNameAndStrict() throws {
        var request = ask("m")
        request.format = .schema(name: "loss", schema: #"{"type":"object"}"#)
        let body = try OpenAIProtocol().body(of: request, .init())
        let format = String(decoding: (body["response_format"] ?? .null).bytes, as: UTF8.self)
        #expect(
            format == #"{"type":"json_schema","json_schema":{"name":"loss","schema":{"type":"object"},"strict":true}}"#)
    }

    @Test func whereOneReplyIsGivenSeveralAreAskedForOneByOne() async throws {
        let model = script("onereply")
        let client = try ChatClient(endpoint: server.endpoint(retries: 0))
        for request in [complete(model, "a", n: 3), complete(model, "b", n: 3)] {
            #expect(try await client.complete(request).choices.count == 3)
        }
        let bodies = try await server.seen(model).map(\.body)
        #expect(bodies.count == 7 && bodies.dropFirst().allSatisfy { $0.n == nil })
        #expect(Set(bodies.compactMap(\.seed)).count == 3)
    }

    @Test func aTextIsCutAtItsStopsWhereTheServerDoesNotKnowThem() async throws {
        let client = try ChatClient(endpoint: server.endpoint(retries: 0))
        for behaviour in ["nostop", "ok"] {
            let request = complete(script(behaviour), "return x\ndef next():\nclass A:", stop: ["\nclass ", "\ndef "])
            let reply = try await client.complete(request)
            #expect(reply.text == "return x" && reply.choices.map(\.finish) == [.stop])
        }
    }

    @Test func messagesOfOneRoleInARowBecomeOneWhereTurnsAreWanted() async throws {
        let model = script("alternate")
        var request = ask(model)
        request.messages = [.init(.user, "a"), .init(.user, "b"), .init(.assistant, "c"), .init(.user, "d")]
        _ = try await ChatClient(endpoint: server.endpoint(retries: 0)).complete(request)
        #expect(try await server.seen(model).last?.body.messages?.map(\.content) == ["a\n\nb", "c", "d"])
    }

    @Test func aModelWithAReasoningNameMayWantTheOlderLimit() async throws {
        let model = script("newmaxtokens") + "/gpt-5"
        _ = try await ChatClient(endpoint: server.endpoint(retries: 0)).complete(ask(model))
        let bodies = try await server.seen(model).map(\.body)
        #expect(bodies.map(\.maxCompletionTokens) == [50, nil] && bodies.map(\.maxTokens) == [nil, 50])
    }

    /// What did not help is not kept, and nobody is told that it did.
    @Test func aRefusalThatStaysIsAnErrorAndTeachesNothing() async throws {
        let model = script("alwaystemperature")
        let notes = Notes()
        let client = try ChatClient(endpoint: server.endpoint(), notes: notes.take)
        for _ in 0..<2 {
            let error = try #require(try await chatError { try await client.complete(Self.request(model)) })
            #expect(error.kind == .badRequest && error.message.contains("'temperature' is not supported"))
        }
        #expect(try await server.seen(model).map(\.body.temperature) == [0.3, nil, 0.3, nil])
        #expect(notes.texts.isEmpty)
    }

    @Test func anEchoOfTheRequestRefusesNoPartOfIt() async throws {
        let model = script("echoedrequest")
        var request = Self.request(model)
        request.n = 3
        let asked = request
        let error = try await chatError { try await ChatClient(endpoint: server.endpoint()).complete(asked) }
        #expect(error?.kind == .badRequest)
        #expect(try await server.seen(model).count == 1)
    }
}
