import Foundation
import Testing

@testable import ChatClient

/// A server that keeps a request waiting: what is awaited is said, and for how long it will be.
@Suite struct WaitingTests {
    private let server: ScriptedServer

    init() throws { server = try ScriptedServer.shared.get() }

    private func noted(
        _ model: String, patience: Duration = .milliseconds(200), retries: Int = 0, limit: ChatTimeouts
    ) async throws -> (notes: [String], error: ChatError?) {
        var endpoint = server.endpoint(retries: retries)
        endpoint.timeouts = limit
        let notes = Notes()
        let client = try ChatClient(endpoint: endpoint, notes: notes.take, patience: patience)
        let error = try await chatError { try await client.complete(ask(model)) }
        return (notes.texts, error)
    }

    @Test func aServerThatSendsByteByByteIsToldOfEverMoreRarely() async throws {
        let model = script("trickle:0.05")
        var endpoint = server.endpoint(retries: 0)
        endpoint.timeouts.total = .seconds(60)
        let notes = Notes()
        let client = try ChatClient(endpoint: endpoint, notes: notes.take, patience: .milliseconds(200))
        let began = ContinuousClock.now
        let asking = Task { try await client.complete(ask(model, String(repeating: "word", count: 400))) }
        while notes.texts.count < 3 { try await Task.sleep(for: .milliseconds(10)) }
        asking.cancel()
        // After 0.2, 0.4 and 0.8 s.
        #expect(ContinuousClock.now - began >= .milliseconds(800))
        let words = /scripted: \S+ has been answering for \d+ s, \d+ bytes so far; it is waited for up to 60 s in all/
        #expect(notes.texts.contains { $0.firstMatch(of: words) != nil && $0.contains(model) }, "\(notes.texts)")
        _ = await asking.result
    }

    @Test func aServerThatSendsByteByByteIsNotWaitedForLongerThanTheLimit() async throws {
        let (_, error) = try await noted(script("trickle:0.05"), limit: ChatTimeouts(total: .seconds(1)))
        #expect(error?.kind == .timedOut && error?.message.contains("timeouts.total") == true)
    }

    @Test func aSilentServerIsToldOfAndAskedAgain() async throws {
        let (notes, error) = try await noted(
            script("hang"), retries: 1, limit: ChatTimeouts(firstByte: .milliseconds(900), total: .seconds(9)))
        #expect(error?.kind == .timedOut)
        #expect(notes.contains { $0.contains("has sent nothing for") && $0.contains("0.9 s (timeouts.firstByte)") })
        #expect(
            notes.filter { $0.contains("sent nothing for 0.9 s (timeouts.firstByte); it is asked again") }.count == 1)
    }

    @Test func aServerThatAnswersInTimeIsNotToldOf() async throws {
        let (notes, error) = try await noted(
            script("slow:0.3"), patience: .seconds(20), limit: ChatTimeouts(total: .seconds(30)))
        #expect(notes.isEmpty && error == nil)
    }

    @Test func severalRequestsAreToldOfTogether() async throws {
        let model = script("held")
        let notes = Notes()
        let client = try ChatClient(endpoint: server.endpoint(), notes: notes.take, patience: .milliseconds(400))
        async let replies = withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<3 { group.addTask { _ = try await client.complete(ask(model)) } }
            try await group.waitForAll()
        }
        while !notes.texts.contains(where: { $0.hasSuffix("as are 2 other requests") }) {
            try await Task.sleep(for: .milliseconds(20))
        }
        try await server.release(model)
        try await replies
    }
}
