import ChatClient
import Foundation
import Testing

@Suite struct FailureTests {
    let server: ScriptedServer

    init() throws { server = try ScriptedServer.shared.get() }

    struct Refusal: Sendable, CustomTestStringConvertible {
        let behaviour: String
        let provider: ChatEndpoint.Provider
        let kind: ChatError.Kind
        let says: String
        var testDescription: String { behaviour }

        init(_ behaviour: String, _ kind: ChatError.Kind, _ says: String, _ provider: ChatEndpoint.Provider = .openai) {
            self.behaviour = behaviour
            self.provider = provider
            self.kind = kind
            self.says = says
        }
    }

    static let refusals = [
        Refusal("key", .refusedKey, "keyEnvironment"),
        Refusal("keyanthropic", .refusedKey, "refuses the key", .anthropic),
        Refusal("keylitellm", .refusedKey, "refuses the key"),
        Refusal("403", .refusedKey, "refuses the key"),
        Refusal("model", .unknownModel, "check the model's name"),
        Refusal("modelanthropic", .unknownModel, "knows no model", .anthropic),
        Refusal("modelollama", .unknownModel, "knows no model"),
        Refusal("modelvllm", .unknownModel, "knows no model"),
        Refusal("modeltransformers", .unknownModel, "knows no model"),
        Refusal("modelproject", .unknownModel, "knows no model"),
        Refusal("toolarge", .contextOverflow, "shorten the messages"),
        Refusal("context", .contextOverflow, "shorten the messages"),
        Refusal("contextanthropic", .contextOverflow, "shorten the messages", .anthropic),
        Refusal("contextllamacpp", .contextOverflow, "shorten the messages"),
        Refusal("filter", .contentRefused, "for its content"),
        Refusal("filterazure", .contentRefused, "for its content"),
        Refusal("quota", .rateLimited, "add credit"),
        Refusal("credit", .rateLimited, "add credit", .anthropic),
        Refusal("bad", .badRequest, "temperature"),
        Refusal("place", .configuration, "baseURL usually ends in /v1"),
        Refusal("302", .configuration, "no redirect is followed"),
        Refusal("501", .badRequest, "501"),
    ]

    @Test(arguments: refusals)
    func whatCannotSucceedLaterIsNamedAndNotTriedAgain(_ refusal: Refusal) async throws {
        let client = try ChatClient(endpoint: server.endpoint(refusal.provider))
        let model = script(refusal.behaviour)
        let error = try #require(try await chatError { try await client.complete(ask(model)) })
        #expect(error.kind == refusal.kind)
        #expect(error.message.contains(refusal.says) && error.message.hasPrefix("scripted"), "\(error)")
        #expect(error.status != nil)
        #expect(try await server.seen(model).count == 1)
        #expect(client.ledger.totals.total.calls == 0)
    }

    @Test(arguments: ["500", "502", "503", "529", "overloaded", "html", "408", "429", "inner", "close", "drop"])
    func passingTroubleIsTriedAgain(_ behaviour: String) async throws {
        let model = script("\(behaviour),\(behaviour),ok")
        let reply = try await ChatClient(endpoint: server.endpoint()).complete(ask(model))
        #expect(reply.text == "Hello")
        // When a kept connection ends before any answer, libcurl itself opens another one.
        #expect(behaviour == "close" ? reply.attempts <= 3 : reply.attempts == 3)
    }

    @Test(arguments: [
        ("badjson", false), ("nochoices", false), ("cut", true), ("dropstream", true), ("errorstream", true),
    ])
    func anUnreadableReplyIsTriedAgainAndItsPossibleChargeBooked(_ behaviour: String, stream: Bool) async throws {
        for provider in ChatEndpoint.Provider.allCases {
            let client = try ChatClient(endpoint: server.endpoint(provider))
            #expect(try await client.complete(ask(script("\(behaviour),ok"), stream: stream)).text == "Hello")
            let spent = client.ledger.totals.total
            #expect(spent.unanswered == 1 && spent.calls == 2 && spent.possibleTokens > 50)
        }
    }

    @Test(arguments: [("500", ChatError.Kind.serverError), ("429", .rateLimited), ("badjson", .malformedReply)])
    func troubleThatStaysIsReportedAfterTheRetries(_ behaviour: String, kind: ChatError.Kind) async throws {
        let model = script(behaviour)
        let client = try ChatClient(endpoint: server.endpoint(retries: 2))
        let error = try #require(try await chatError { try await client.complete(ask(model)) })
        #expect(error.kind == kind && error.isTransient)
        #expect(error.message.contains("after 3 requests"))
        #expect(try await server.seen(model).count == 3)
    }

    @Test(arguments: ["429:1", "429date:2"])
    func theServersWishForAPauseIsKept(_ behaviour: String) async throws {
        let model = script("\(behaviour),ok")
        _ = try await ChatClient(endpoint: server.endpoint()).complete(ask(model))
        let times = try await server.seen(model).map(\.time)
        #expect(times[1] - times[0] >= 0.95)
    }

    @Test func aPauseLongerThanTheCallMayTakeEndsItAtOnce() async throws {
        var endpoint = server.endpoint()
        endpoint.timeouts.call = .seconds(20)
        let client = try ChatClient(endpoint: endpoint)
        let began = ContinuousClock.now
        let error = try #require(try await chatError { try await client.complete(ask(script("429:3600,ok"))) })
        #expect(error.kind == .rateLimited && error.message.contains("3600 s"))
        #expect(ContinuousClock.now - began < .seconds(10))
    }

    @Test(arguments: [
        ("hang", "timeouts.firstByte"), ("stall", "timeouts.stall"), ("stallstream", "timeouts.stall"),
        ("stream:0.2", "timeouts.total"),
    ])
    func eachPartOfAnExchangeHasItsLimit(_ behaviour: String, limit: String) async throws {
        var endpoint = server.endpoint(retries: 0)
        // Only the limit in question is short, so that a busy machine meets no other.
        switch limit {
        case "timeouts.firstByte": endpoint.timeouts.firstByte = .milliseconds(400)
        case "timeouts.stall": endpoint.timeouts.stall = .milliseconds(600)
        default: endpoint.timeouts.total = .milliseconds(1500)
        }
        let client = try ChatClient(endpoint: endpoint)
        let text = String(repeating: "word", count: 40)
        let stream = behaviour.contains("stream")
        let error = try #require(
            try await chatError { try await client.complete(ask(script(behaviour), text, stream: stream)) })
        #expect(error.kind == .timedOut && error.message.contains(limit), "\(error)")
        #expect(client.ledger.totals.total.unanswered == 1)
    }

    @Test func oneCallIsBoundedWithAllItsRetries() async throws {
        var endpoint = server.endpoint(retries: 1000)
        endpoint.timeouts.firstByte = .milliseconds(300)
        endpoint.timeouts.call = .milliseconds(1500)
        let client = try ChatClient(endpoint: endpoint)
        let began = ContinuousClock.now
        let error = try await chatError { try await client.complete(ask(script("hang"))) }
        #expect(error?.kind == .timedOut)
        #expect(ContinuousClock.now - began < .seconds(8))
    }

    @Test func aServerThatIsNotThereIsAnErrorOfTheNetworkAndCostsNothing() async throws {
        var endpoint = server.endpoint(retries: 1)
        endpoint.baseURL = "http://127.0.0.1:1/v1"
        let client = try ChatClient(endpoint: endpoint)
        let error = try #require(try await chatError { try await client.complete(ask("m")) })
        #expect(error.kind == .network && error.message.contains("127.0.0.1:1"))
        #expect(client.ledger.totals.total.calls == 0)
    }

    @Test func aBodyWithoutEndIsBrokenOff() async throws {
        let client = try ChatClient(endpoint: server.endpoint())
        let model = script("huge")
        let error = try #require(try await chatError { try await client.complete(ask(model)) })
        #expect(error.kind == .malformedReply && error.message.contains("32 MiB"))
        #expect(try await server.seen(model).count == 1)
    }

    @Test(arguments: ["hang", "stallstream", "429:20"])
    func cancellationEndsACallAtOnce(_ behaviour: String) async throws {
        let client = try ChatClient(endpoint: server.endpoint())
        let model = script(behaviour)
        let task = Task { try await chatError { try await client.complete(ask(model, stream: behaviour != "hang")) } }
        try await server.waitUntilAsked(model)
        try await Task.sleep(for: .milliseconds(100))
        let began = ContinuousClock.now
        task.cancel()
        #expect(try await task.value?.kind == .cancelled)
        #expect(ContinuousClock.now - began < .seconds(5))
    }

    @Test func aCancelledCallThatWaitsForItsTurnLeavesThePlaceToOthers() async throws {
        var endpoint = server.endpoint()
        endpoint.concurrency = 1
        let client = try ChatClient(endpoint: endpoint)
        let model = script("held")
        let first = Task { try await client.complete(ask(model)) }
        try await server.waitUntilAsked(model)
        let second = Task { try await chatError { try await client.complete(ask(script("ok"))) } }
        try await Task.sleep(for: .milliseconds(50))
        second.cancel()
        #expect(try await second.value?.kind == .cancelled)
        try await server.release(model)
        _ = try await first.value
        #expect(try await client.complete(ask(script("ok"))).text == "Hello")
    }

    @Test func aSelfSignedCertificateIsRefusedUntilItIsNamed() async throws {
        let secure = try ScriptedServer(tls: true)
        var endpoint = secure.endpoint()
        let refused = try await chatError { try await ChatClient(endpoint: endpoint).complete(ask("ok")) }
        #expect(refused?.kind == .network && refused?.message.contains("caFile") == true)
        endpoint.caFile = ScriptedServer.certificate
        #expect(try await ChatClient(endpoint: endpoint).complete(ask("ok")).text == "Hello")
    }
}
