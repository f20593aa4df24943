import Foundation
import Testing

@testable import ChatClient

@Suite struct ServerSentEventsTests {
    static let stream = """
        : a comment\r
        event: greeting\r
        data: größe\r
        data: second line\r
        \r
        data:no space\n\ndata: carriage\r\rid: 7\nretry: 10\n\ndata\n\ndata: last
        """

    @Test func eventsAreTheSameWhereverTheStreamIsCut() {
        let bytes = Array("\u{FEFF}\(Self.stream)".utf8)
        let expected = [
            ("greeting", "größe\nsecond line"), ("", "no space"), ("", "carriage"), ("", ""), ("", "last"),
        ].map { ServerSentEvents.Event(name: $0, data: Array($1.utf8)) }
        for size in 1...bytes.count {
            var parser = ServerSentEvents()
            var events: [ServerSentEvents.Event] = []
            for start in stride(from: 0, to: bytes.count, by: size) {
                events += parser.take(bytes[start..<min(start + size, bytes.count)])
            }
            if let last = parser.finish() { events.append(last) }
            #expect(events == expected)
        }
    }
}

@Suite struct JSONTests {
    static let good = [
        "null", "true", " [1, -2.5e3, 0.1] ", #"{"a": {"b": [{}, [], "x"]}, "ü": "🎉"}"#, #""\u00e4\ud83c\udf89\n\/""#,
        #"[12345678901234567890, 1e308]"#,
    ]

    @Test(arguments: good)
    func whatFoundationReadsIsReadAlike(_ text: String) throws {
        let value = try JSONParser.parse(text.utf8)
        let again = try JSONSerialization.jsonObject(with: Data(value.bytes), options: .fragmentsAllowed)
        let direct = try JSONSerialization.jsonObject(with: Data(text.utf8), options: .fragmentsAllowed)
        #expect(NSArray(object: again) == NSArray(object: direct))
        #expect(try JSONParser.parse(value.bytes).bytes == value.bytes)
    }

    static let bad = [
        "", "{", "[1,]", "{\"a\" 1}", "{\"a\": }", "\"open", "tru", "1 2", "nan", "[1e999]", "\"\\x\"", "\"\\u12\"",
        "{1:2}",
    ]

    @Test(arguments: bad)
    func whatIsNoJSONIsRefused(_ text: String) {
        #expect(throws: JSONParser.Failure.self) { try JSONParser.parse(text.utf8) }
    }

    @Test func nestingIsBounded() {
        let deep = String(repeating: "[", count: 100_000)
        #expect(throws: JSONParser.Failure.self) { try JSONParser.parse(deep.utf8) }
    }

    @Test func halfASurrogatePairAndBrokenUTF8DoNoHarm() throws {
        #expect(try JSONParser.parse(#""\ud83cx""#.utf8).string == "\u{FFFD}x")
        #expect(try JSONParser.parse(#""\ud83c\u0041""#.utf8).string == "\u{FFFD}A")
        #expect(try JSONParser.parse([0x22, 0xFF, 0x22]).string == "\u{FFFD}")
        #expect(try JSONParser.parse("\"a\nb\"".utf8).string == "a\nb")
    }

    @Test func everyStringSurvives() throws {
        let text = String(String.UnicodeScalarView((0..<0x3000).compactMap(Unicode.Scalar.init)))
        let value = JSONValue.object([.init(key: text, value: .string(text))])
        #expect(try JSONParser.parse(value.bytes) == value)
        let read = try JSONDecoder().decode([String: String].self, from: Data(value.bytes))
        #expect(read == [text: text])
    }
}

@Suite struct ReplyShapeTests {
    @Test func contentInPartsRefusalsAndCutRepliesAreTold() throws {
        let body = """
            {"choices": [{"message": {"content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
                          "finish_reason": "length"},
                         {"message": {"content": null, "refusal": "I cannot"}, "finish_reason": "stop"},
                         {"message": {"content": ""}, "finish_reason": "content_filter"},
                         {"message": {"content": null}, "finish_reason": "tool_calls"}]}
            """
        let parsed = try OpenAIProtocol().reply(from: try JSONParser.parse(body.utf8))
        #expect(parsed.choices.map(\.text) == ["ab", "I cannot", "", ""])
        #expect(parsed.choices.map(\.finish) == [.length, .refusal, .refusal, .other])
        #expect(parsed.usage == nil)
        let refused = #"{"content": [], "stop_reason": "refusal"}"#
        #expect(
            try AnthropicProtocol().reply(from: try JSONParser.parse(refused.utf8)).choices.map(\.finish) == [.refusal])
    }

    @Test func reasoningModelsAreAskedWithTheNewerName() throws {
        let adaptations = Adaptations()
        for model in ["o3", "o4-mini", "gpt-5", "gpt-5.1-2025-11-13", "openai/gpt-5-mini", "gpt-6-sol"] {
            #expect(adaptations.options(for: model).adaptations.contains(.maxCompletionTokens), "\(model)")
        }
        for model in ["gpt-4o", "llama", "gpt-oss", "olmo", "gpt-50"] {
            #expect(!adaptations.options(for: model).adaptations.contains(.maxCompletionTokens), "\(model)")
        }
    }

    @Test func anthropicThinksWithinTheReplysLimit() throws {
        var request = ask("m")
        request.reasoningEffort = "medium"
        let body = try AnthropicProtocol().body(of: request, .init(maxTokens: 8000))
        #expect(body["thinking"]?["budget_tokens"]?.integer == 4096)
        #expect(throws: ChatError.self) { try AnthropicProtocol().body(of: request, .init(maxTokens: 4096)) }
        request.reasoningEffort = "2000"
        let counted = try AnthropicProtocol().body(of: request, .init(maxTokens: 4096))
        #expect(counted["thinking"]?["budget_tokens"]?.integer == 2000)
        request.reasoningEffort = "sky-high"
        #expect(throws: ChatError.self) { try AnthropicProtocol().body(of: request, .init(maxTokens: 8000)) }
    }
}
