import Testing

@testable import Proposer

/// Replies to the steps without code that were made to crash or stall their reader.
@Suite struct HostileReplyTests {
    private static func many(_ text: String, before: String = "") -> String {
        before + String(repeating: text, count: (65_536 - before.utf8.count) / text.utf8.count)
    }

    static let replies = [
        many(#"{"hypothesis":"#), many("[", before: #"{"hypothesis":"#), many("{"), many("<think>"),
        many("<think></think>"), many("<think>a", before: "Well. "), many("\"", before: #"{"a": """#), many("`"),
        many("\\", before: #"{"a": ""#), many(#"{"a": 1}"#), many("/*", before: "{"), many("\n"),
        many("#\n", before: "{"),
        String(repeating: "{\"a\":", count: 2_000_000),
    ]

    @Test(arguments: replies.indices) func noneIsAnAnswerAndNoneStallsOrCrashes(index: Int) {
        #expect(throws: ReplyProblem.self) { try Analysis.parse(Self.replies[index]) }
        #expect(throws: ReplyProblem.self) { try Critique.parse(Self.replies[index]) }
    }

    @Test func whatIsTooLongIsToldWithItsLength() {
        let problem = #expect(throws: ReplyProblem.self) {
            try Analysis.parse(String(repeating: "x", count: 70_000))
        }
        #expect(problem?.message == "the reply has 70000 bytes, more than the 65536 that are read")
    }

    @Test func whatNestsWithinTheBoundIsRead() throws {
        let lists = String(repeating: "[", count: 30) + String(repeating: "]", count: 30)
        #expect(try Analysis.parse("{\"lesson\": \(lists), \"hypothesis\": \"flatter\"}").hypothesis == "flatter")
        let deeper = String(repeating: "[", count: 300) + String(repeating: "]", count: 300)
        #expect(try Analysis.parse("{\"hypothesis\": \"flatter\", \"lesson\": \(deeper)}").hypothesis == "flatter")
    }
}
