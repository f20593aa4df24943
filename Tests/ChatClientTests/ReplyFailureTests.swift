import Foundation
import Testing

@testable import ChatClient

/// Answers with status 200 that are none, or come in another form than was asked for.
@Suite struct ReplyFailureTests {
    let server: ScriptedServer

    init() throws { server = try ScriptedServer.shared.get() }

    @Test(arguments: ["choiceerror", "finisherror", "abort", "errorbeside", "listederror"])
    func aFailureInsideAReplyIsTriedAgainAndNotTakenForTheAnswer(_ behaviour: String) async throws {
        let client = try ChatClient(endpoint: server.endpoint())
        let reply = try await client.complete(ask(script("\(behaviour),ok")))
        #expect(reply.text == "Hello" && reply.attempts == 2)
        let error = try #require(
            try await chatError {
                try await ChatClient(endpoint: server.endpoint(retries: 1)).complete(ask(script(behaviour)))
            })
        #expect(error.kind == .serverError && error.message.contains("after 2 requests"), "\(error)")
    }

    @Test func whatAFailedReplyMayHaveCostIsBooked() async throws {
        let client = try ChatClient(endpoint: server.endpoint())
        _ = try await client.complete(ask(script("choiceerror,ok")))
        #expect(client.ledger.totals.total.unanswered == 1)
    }

    @Test func aFailureInAStreamIsTriedAgain() async throws {
        let client = try ChatClient(endpoint: server.endpoint())
        let reply = try await client.complete(ask(script("finisherrorstream,ok"), stream: true))
        #expect(reply.text == "Hello" && reply.attempts == 2)
    }

    @Test func aFailureInsideAReplyKeepsItsOwnMeaning() async throws {
        let model = script("choicecontext")
        let error = try await chatError { try await ChatClient(endpoint: server.endpoint()).complete(ask(model)) }
        #expect(error?.kind == .contextOverflow)
        #expect(try await server.seen(model).count == 1)
    }

    @Test(arguments: ["emptyerror", "blankerror"])
    func anEmptyErrorIsNone(_ behaviour: String) async throws {
        let reply = try await ChatClient(endpoint: server.endpoint()).complete(ask(script(behaviour)))
        #expect(reply.text == "Hello" && reply.attempts == 1)
    }

    @Test(arguments: ["forcestream", "plainstream"])
    func eventsThatNobodyAskedForAreRead(_ behaviour: String) async throws {
        let providers: [ChatEndpoint.Provider] = behaviour == "forcestream" ? [.openai, .anthropic] : [.openai]
        for provider in providers {
            let client = try ChatClient(endpoint: server.endpoint(provider, retries: 0))
            #expect(try await client.complete(ask(script(behaviour), "some words")).text == "some words")
        }
        let client = try ChatClient(endpoint: server.endpoint(retries: 0))
        #expect(try await client.complete(complete(script(behaviour), "a = b + c")).text == "a = b + c")
    }

    @Test func anEmptyRefusalIsNone() throws {
        let body = """
            {"choices": [{"message": {"content": "code", "refusal": ""}, "finish_reason": "stop"},
                         {"message": {"content": "code", "refusal": null}, "finish_reason": "stop"}]}
            """
        let choices = try OpenAIProtocol().reply(from: try JSONParser.parse(body.utf8)).choices
        #expect(choices.map(\.finish) == [.stop, .stop] && choices.map(\.text) == ["code", "code"])
    }

    @Test(arguments: ["waitwords", "waitfield"])
    func aWaitToldInTheBodyIsKept(_ behaviour: String) async throws {
        let model = script("\(behaviour),ok")
        _ = try await ChatClient(endpoint: server.endpoint()).complete(ask(model))
        let times = try await server.seen(model).map(\.time)
        #expect(times[1] - times[0] >= 0.85)
    }

    static let waits: [(String, Double?)] = [
        ("Rate limit reached. Please try again in 20s.", 20), ("try again in 20 s", 20),
        ("Please try again in 6m0s. Visit", 360), ("Please try again in 1m12.5s.", 72.5), ("try again in 250ms", 0.25),
        ("Please retry after 20 seconds.", 20), ("Please retry in 3.2s.", 3.2), ("Retry in 2 minutes", 120),
        ("Your quota resets in 1h2m3s", 3723), (#"{"retryDelay": "17s"}"#, 17), (#"{"retry_after":20}"#, 20),
        (#"{"retry_after_seconds": 1.5}"#, 1.5), ("Please try again later.", nil), ("retry in production", nil),
        ("Limit 20, used 17 seconds", nil), ("", nil),
    ]

    @Test(arguments: waits)
    func waitsAreReadFromWordsAndFields(_ text: String, seconds: Double?) {
        #expect(RetrySchedule.asked(in: text) == seconds.map { .seconds($0) })
    }
}
