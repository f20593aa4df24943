import ChatClient
import Foundation
import Testing

@Suite struct CassetteTests {
    let server: ScriptedServer

    init() throws { server = try ScriptedServer.shared.get() }

    @Test func aRecordedConversationIsReplayedWithoutAServerInAnyOrder() async throws {
        try await withTemporaryFolder { folder in
            let file = folder + "/tape.jsonl"
            let model = script("ok")
            let refused = script("context")
            let texts = (0..<5).map { "text \($0)" }
            let recorder = try ChatClient(
                endpoint: server.endpoint(), cassette: try Cassette(file, mode: .record))
            for text in texts { _ = try await recorder.complete(ask(model, text)) }
            let recorded = try await chatError { try await recorder.complete(ask(refused)) }

            // Another place, no server, no key.
            let elsewhere = ChatEndpoint(name: "scripted", baseURL: "https://gone.invalid/v1", keyEnvironment: "GONE")
            let player = try ChatClient(
                endpoint: elsewhere, cassette: try Cassette(file, mode: .replay), environment: [:])
            #expect(try await chatError { try await player.complete(ask(refused)) } == recorded)
            for text in texts.reversed() {
                let reply = try await player.complete(ask(model, text))
                #expect(reply.text == text && reply.attempts == 0 && reply.cost == 0)
                #expect(reply.usage.promptTokens == 100)
            }
            #expect(player.ledger.totals.total.calls == 0 && player.ledger.totals.total.replayed == 5)
            let missing = try await chatError { try await player.complete(ask(model, "new")) }
            #expect(missing?.kind == .configuration && missing?.message.contains("tape.jsonl") == true)
        }
    }

    @Test func theSameRequestGetsItsRecordedRepliesInTheirOrderAndNoMore() async throws {
        try await withTemporaryFolder { folder in
            let file = folder + "/tape.jsonl"
            let model = script("400,ok,400")
            let recorder = try ChatClient(endpoint: server.endpoint(), cassette: try Cassette(file, mode: .record))
            for _ in 0..<3 { _ = try await chatError { try await recorder.complete(ask(model)) } }
            let player = try ChatClient(endpoint: server.endpoint(), cassette: try Cassette(file, mode: .replay))
            var kinds: [ChatError.Kind?] = []
            for _ in 0..<4 { kinds.append(try await chatError { try await player.complete(ask(model)) }?.kind) }
            #expect(kinds == [.badRequest, nil, .badRequest, .configuration])
            #expect(try await server.seen(model).count == 3)
        }
    }

    @Test func extendingAsksOnlyForWhatIsMissingAndMendsACutLine() async throws {
        try await withTemporaryFolder { folder in
            let file = folder + "/tape.jsonl"
            let model = script("ok")
            func client() throws -> ChatClient {
                try ChatClient(endpoint: server.endpoint(), cassette: try Cassette(file, mode: .extend))
            }
            _ = try await client().complete(ask(model, "a"))
            let handle = try #require(FileHandle(forWritingAtPath: file))
            try handle.seekToEnd()
            try handle.write(contentsOf: Data(#"{"hash": "ab"#.utf8))
            try handle.close()
            let second = try client()
            _ = try await second.complete(ask(model, "a"))
            _ = try await second.complete(ask(model, "b"))
            _ = try await client().complete(ask(model, "b"))
            #expect(try await server.seen(model).map(\.body.messages?[0].content) == ["a", "b"])
            #expect(try String(contentsOfFile: file, encoding: .utf8).split(separator: "\n").count == 2)
        }
    }
}

@Suite struct ResponseCacheTests {
    let server: ScriptedServer

    init() throws { server = try ScriptedServer.shared.get() }

    @Test func onlyRepeatableRequestsAreAnsweredFromTheCache() async throws {
        try await withTemporaryFolder { folder in
            let model = script("ok")
            let client = try ChatClient(endpoint: server.endpoint(), cache: try ResponseCache(folder + "/cache"))
            var request = ask(model)
            request.temperature = 0
            let first = try await client.complete(request)
            let second = try await client.complete(request)
            #expect(first.text == second.text && first.usage == second.usage && second.attempts == 0)
            #expect(try await server.seen(model).count == 1)

            var others = [request, request, request, request, request]
            others[0].temperature = 0.5
            others[1].n = 2
            others[2].seed = 1
            others[3].messages.append(ChatMessage(.user, "more"))
            others[4].temperature = nil
            for other in others { _ = try await client.complete(other) }
            #expect(try await server.seen(model).count == 6)
            for other in others { _ = try await client.complete(other) }
            // Of these only the other seed and the longer conversation can be repeated.
            #expect(try await server.seen(model).count == 9)
        }
    }

    @Test func equalRequestsAtTheSameMomentAreOneRequest() async throws {
        try await withTemporaryFolder { folder in
            let model = script("held")
            let client = try ChatClient(endpoint: server.endpoint(), cache: try ResponseCache(folder))
            var request = ask(model)
            request.temperature = 0
            let (equal, other) = (request, ask(model, "Something else"))
            let replies = try await withThrowingTaskGroup(of: ChatReply.self) { group in
                for _ in 0..<6 { group.addTask { try await client.complete(equal) } }
                try await server.waitUntilAsked(model)
                // Time for the others to ask too, if they did not wait.
                try await Task.sleep(for: .milliseconds(200))
                try await server.release(model)
                var replies: [ChatReply] = []
                for try await reply in group { replies.append(reply) }
                return replies
            }
            #expect(replies.count { $0.attempts == 1 } == 1 && replies.count { $0.attempts == 0 } == 5)
            #expect(try await server.seen(model).count == 1)
            _ = try await client.complete(other)
            #expect(try await server.seen(model).count == 2)
        }
    }

    @Test func whoWaitsForAnEqualRequestAsksItselfWhenThatFailsAndCanBeCancelled() async throws {
        try await withTemporaryFolder { folder in
            let model = script("hang,400,ok")
            let client = try ChatClient(endpoint: server.endpoint(), cache: try ResponseCache(folder))
            var request = ask(model)
            request.temperature = 0
            let equal = request
            let first = Task { try await client.complete(equal) }
            try await server.waitUntilAsked(model)
            let second = Task { try await client.complete(equal) }
            second.cancel()
            #expect(try await chatError { try await second.value }?.kind == .cancelled)
            first.cancel()
            _ = await first.result
            #expect(try await chatError { try await client.complete(equal) }?.kind == .badRequest)
            #expect(try await client.complete(equal).attempts == 1)
        }
    }

    @Test func anotherServerOrProviderHasItsOwnReplies() async throws {
        try await withTemporaryFolder { folder in
            let model = script("ok")
            var request = ask(model)
            request.temperature = 0
            for endpoint in [server.endpoint(), server.endpoint(.anthropic)] {
                _ = try await ChatClient(endpoint: endpoint, cache: try ResponseCache(folder)).complete(request)
            }
            var other = server.endpoint()
            other.baseURL = server.root
            _ = try await ChatClient(endpoint: other, cache: try ResponseCache(folder)).complete(request)
            #expect(try await server.seen(model).count == 3)
        }
    }

    @Test func aDamagedEntryIsAskedForAgainAndErrorsAreNotKept() async throws {
        try await withTemporaryFolder { folder in
            let model = script("400,ok")
            let client = try ChatClient(endpoint: server.endpoint(), cache: try ResponseCache(folder))
            var request = ask(model)
            request.temperature = 0
            #expect(try await chatError { try await client.complete(request) }?.kind == .badRequest)
            _ = try await client.complete(request)
            for name in try FileManager.default.contentsOfDirectory(atPath: folder) {
                try Data("{".utf8).write(to: URL(filePath: folder + "/" + name))
            }
            _ = try await client.complete(request)
            #expect(try await server.seen(model).count == 3)
        }
    }
}
