import Foundation
import Testing

@testable import ChatClient

/// Models that think before they answer.
@Suite struct ThoughtTests {
    let server: ScriptedServer

    init() throws { server = try ScriptedServer.shared.get() }

    @Test func aLimitThatThoughtsUsedUpIsNamedAndDoubledOnce() async throws {
        let model = script("thoughts:80")
        let notes = Notes()
        let client = try ChatClient(endpoint: server.endpoint(retries: 0), notes: notes.take)
        let reply = try await client.complete(ask(model, maxTokens: 50))
        #expect(reply.text == "Hello" && reply.attempts == 2)
        #expect(reply.usage.completionTokens == 20, "what the thoughts cost belongs to the reply")
        #expect(try await client.complete(ask(model, maxTokens: 50)).attempts == 1)
        #expect(try await client.complete(ask(model, maxTokens: 90)).attempts == 1)
        #expect(try await server.seen(model).map(\.body.maxTokens) == [50, 100, 100, 90])
        #expect(notes.texts.count == 1 && notes.texts[0].contains("used up all 50 tokens"), "\(notes.texts)")
        #expect(notes.texts[0].contains("asked with 100 from now on; raise maxTokens"))
    }

    @Test(arguments: ["thoughts", "opaquethoughts", "openthought"])
    func thoughtsWithoutEndAreRaisedOnceOnly(_ behaviour: String) async throws {
        let model = script(behaviour)
        let notes = Notes()
        let client = try ChatClient(endpoint: server.endpoint(retries: 0), notes: notes.take)
        for _ in 0..<2 {
            let reply = try await client.complete(ask(model, maxTokens: 50))
            #expect(reply.choices.map(\.finish) == [.length])
            #expect(reply.reasoning == (behaviour == "opaquethoughts" ? nil : "Let me see ..."))
        }
        #expect(try await server.seen(model).map(\.body.maxTokens) == [50, 100, 100])
        #expect(notes.texts.count == 2, "\(notes.texts)")
    }

    @Test func whereThereIsNoRoomForTwiceTheLimitItStays() async throws {
        let model = script("thoughts,context,thoughts")
        let client = try ChatClient(endpoint: server.endpoint(retries: 0))
        for _ in 0..<2 {
            let reply = try await client.complete(ask(model, maxTokens: 50))
            #expect(reply.text.isEmpty && reply.choices.map(\.finish) == [.length])
        }
        #expect(try await server.seen(model).map(\.body.maxTokens) == [50, 100, 50])
    }

    @Test func anAnswerThatComesInThoughtsOnlyIsToldAsSuch() async throws {
        let model = script("onlythoughts")
        let notes = Notes()
        let client = try ChatClient(endpoint: server.endpoint(retries: 0), notes: notes.take)
        for _ in 0..<2 {
            let reply = try await client.complete(ask(model))
            #expect(reply.text.isEmpty && reply.reasoning == "Let me see ...")
        }
        #expect(notes.texts.count == 1 && notes.texts[0].contains("reasoning_content"), "\(notes.texts)")
        #expect(try await server.seen(model).count == 2)
    }

    @Test func thoughtsAreReadWhereverServersPutThem() throws {
        let body = """
            {"choices": [{"message": {"content": "a", "reasoning_content": "t"}, "finish_reason": "stop"},
                         {"message": {"content": "a", "reasoning": "t"}, "finish_reason": "stop"},
                         {"message": {"content": "a", "reasoning_content": ""}, "finish_reason": "stop"}]}
            """
        let choices = try OpenAIProtocol().reply(from: try JSONParser.parse(body.utf8)).choices
        #expect(choices.map(\.reasoning) == ["t", "t", nil])
        var stream = OpenAIStream()
        for piece in [
            #"{"choices": [{"delta": {"reasoning_content": "Let "}}]}"#,
            #"{"choices": [{"delta": {"reasoning": "me"}}]}"#,
            #"{"choices": [{"delta": {"content": "a"}, "finish_reason": "stop"}]}"#,
        ] { _ = try stream.take(.init(data: Array(piece.utf8))) }
        #expect(try stream.reply().choices == [.init(text: "a", finish: .stop, reasoning: "Let me")])
        let thinking = """
            {"content": [{"type": "thinking", "thinking": "t"}, {"type": "text", "text": "a"}],
             "stop_reason": "end_turn"}
            """
        let anthropic = try AnthropicProtocol().reply(from: try JSONParser.parse(thinking.utf8))
        #expect(anthropic.choices == [.init(text: "a", finish: .stop, reasoning: "t")])
    }

    /// Replies that were kept before there were thoughts.
    @Test func aReplyWithoutThoughtsIsWrittenAsBefore() throws {
        let choice = ChatReply.Choice(text: "a", finish: .stop)
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        let text = String(decoding: try encoder.encode(choice), as: UTF8.self)
        #expect(text == #"{"finish":"stop","text":"a"}"#)
        #expect(try JSONDecoder().decode(ChatReply.Choice.self, from: Data(text.utf8)) == choice)
    }
}
