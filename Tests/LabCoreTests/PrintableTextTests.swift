import Foundation
import LabCore
import Testing

@Suite struct PrintableTextTests {
    @Test(arguments: [
        ("\u{1B}]0;owned\u{07}", "\\u001b]0;owned\\u0007"), ("a\rb", "a\\u000db"), ("\u{9B}2J", "\\u009b2J"),
        ("abc\u{202E}fed", "abc\\u202efed"), ("x\u{2066}y\u{2069}", "x\\u2066y\\u2069"), ("\u{0}", "\\u0000"),
        ("\u{7F}", "\\u007f"), ("\u{FEFF}a", "\\ufeffa"),
    ]) func controlsAreShownAsText(text: String, shown: String) {
        #expect(text.printable == shown)
    }

    @Test(arguments: ["line\n\tindented", "π ≈ 3 — “quoted”", "日本語", "👩‍👩‍👧", ""]) func otherTextStays(text: String) {
        #expect(text.printable == text)
    }

    @Test func jsonStaysTheSameJSON() throws {
        let json = String(decoding: try JSONEncoder().encode(["\u{9B}31m\u{202E}\u{1B}"]), as: UTF8.self)
        #expect(!json.printable.unicodeScalars.contains { $0.value == 0x9B || $0.value == 0x202E })
        #expect(try JSONDecoder().decode([String].self, from: Data(json.printable.utf8)) == ["\u{9B}31m\u{202E}\u{1B}"])
    }

    @Test func whatIsTooLongIsCutWithTheNumberLeftOut() {
        #expect(String(repeating: "a", count: 12).printable(upTo: 10) == "aaaaaaaaaa ... (2 more characters)")
        #expect("ab".printable(upTo: 2) == "ab")
        let piled = "a" + String(repeating: "\u{301}", count: 1_000)
        #expect(piled.count == 1 && piled.printable(upTo: 10).hasSuffix(" ... (991 more characters)"))
    }
}
