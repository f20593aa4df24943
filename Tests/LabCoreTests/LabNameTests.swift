import LabCore
import Testing

@Suite struct LabNameTests {
    @Test(arguments: ["a", "7", "quick-start_2", "imdb", String(repeating: "a", count: 60)])
    func aPlainNameIsTaken(name: String) throws {
        for kind in [LabName.Kind.campaign, .rerun, .evaluation, .model, .loss, .world] {
            #expect(try LabName(name, of: kind).text == name)
        }
    }

    @Test(arguments: [
        "", " ", ".", "..", "../../x", "a/b", "/etc", "-rf", "_x", "UP", "Up", "ü", "a b", "a\nb", "a\u{0}",
        "a\u{1B}[2J",
        "a\u{301}", "ａ", String(repeating: "a", count: 61),
    ])
    func whatCouldLeadElsewhereIsRefusedWithItsName(name: String) {
        for kind in [LabName.Kind.campaign, .evaluation, .model, .loss, .world] {
            let error = #expect(throws: NameError.self) { try LabName(name, of: kind) }
            #expect(error?.description.contains("\(kind.rawValue) must be a name of at most 60") == true)
            #expect(error?.description.unicodeScalars.allSatisfy { $0.value >= 0x20 } == true)
        }
    }

    @Test func namesOfTheLabsOwnFoldersAreKnown() throws {
        for name in LabName.reserved {
            let error = #expect(throws: NameError.self) { try LabName(name, of: .campaign) }
            #expect(error?.reason.contains("runs/\(name)") == true)
        }
        #expect(try LabName("reruns", of: .loss).text == "reruns")
    }

    @Test func kindsDifferInWhatTheyHold() throws {
        #expect(try LabName("smollm2-135m.q8", of: .model).text == "smollm2-135m.q8")
        #expect(throws: NameError.self) { try LabName("..", of: .model) }
        #expect(try LabName("dpo-Anthropic_hh-0a1b2c3d", of: .rerun).text == "dpo-Anthropic_hh-0a1b2c3d")
        #expect(throws: NameError.self) { try LabName("a/../b", of: .rerun) }
    }
}
