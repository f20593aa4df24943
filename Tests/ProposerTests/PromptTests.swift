import Foundation
import LabCore
import LabTesting
import Testing

@testable import Proposer

@Suite struct PromptTests {
    /// A folder of prompt files for the length of a test.
    private func folder(_ files: [String: String]) throws -> URL {
        let folder = FileManager.default.temporaryDirectory.appending(path: "prompts-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        for (name, text) in files { try Data(text.utf8).write(to: folder.appending(path: name)) }
        return folder
    }

    private func problem(_ files: [String: String]) throws -> String {
        let folder = try folder(files)
        defer { try? FileManager.default.removeItem(at: folder) }
        let error = #expect(throws: PromptError.self) { try PromptLibrary(overrides: folder.path) }
        return (error?.description ?? "").replacing(folder.path + "/", with: "")
    }

    @Test func aUsersPromptTakesThePlaceOfTheBuiltInOne() throws {
        let folder = try folder(["retry.md": "=== user ===\nNo: {{problem}}!\n", "README.md": "notes"])
        defer { try? FileManager.default.removeItem(at: folder) }
        let library = try PromptLibrary(overrides: folder.path)
        #expect(try library.messages(of: .retry, ["problem": "x {{code}}"]).map(\.content) == ["No: x {{code}}!"])
        #expect(try library.messages(of: .repair, ["contract": "a", "code": "b", "findings": "c"]).count == 2)
    }

    @Test func aPlaceholderTooManyIsNamedWithWhatThereIs() throws {
        #expect(
            try problem(["retry.md": "=== user ===\n{{problem}} {{archive}}"])
                == "retry.md: placeholder {{archive}} is not known here; this step reads {{problem}}")
    }

    @Test func aMissingPlaceholderIsNamed() throws {
        #expect(
            try problem(["repair.md": "=== user ===\n{{code}} {{contract}}"])
                == "repair.md: placeholder {{findings}} is missing; put it where that text belongs")
    }

    @Test func filesThatAreNoPromptsAreNamed() throws {
        #expect(
            try problem(["wirte.md": "=== user ===\n"]).hasPrefix(
                "wirte.md: no step has a prompt of this name; there are"))
        #expect(try problem(["retry.md": "{{problem}}"]).hasPrefix("retry.md:1: text before the first section"))
        #expect(try problem(["retry.md": "=== assistant ===\n{{problem}}"]).contains("section `assistant`"))
        #expect(try problem(["retry.md": "=== system ===\n{{problem}}"]).contains("no section `=== user ===`"))
        let error = #expect(throws: PromptError.self) { try PromptLibrary(overrides: "/nowhere/prompts") }
        #expect(error?.description.contains("/nowhere/prompts: no such folder") == true)
    }

    @Test func aStepWithoutItsStateSaysWhatItLacks() throws {
        let error = #expect(throws: PromptError.self) {
            try PromptLibrary().messages(of: .repair, ["contract": "", "code": ""])
        }
        #expect(error?.description == "step repair reads `findings`, which the state does not hold")
    }
}

@Suite struct ModelAccountTests {
    @Test func callsAndCandidatesAreCountedOnce() async throws {
        let good = FakeLoss(name: "good", value: 6)
        let bad = FakeLoss(name: "bad", value: 6, behaviour: .refused)
        let log = MemoryLog()
        let model = ScriptedModel { _, purpose, _ in
            switch (purpose.step, purpose.candidate) {
            case ("analyse", _): Replies.analysis
            case ("write", 1): Replies.loss(good)
            case ("repair", 2): Replies.loss(FakeLoss(name: "mended", value: 6))
            default: Replies.loss(bad)
            }
        }
        let proposer = try ProgramProposer(.test(model, log: log))
        var candidates = FakeArchive.burnIn
        let statuses: [CandidateStatus] = [
            .scored(.full), .duplicate(of: "dpo"), .rejected(Rejection(code: "c", message: "")),
        ]
        for number in 1...3 {
            let proposal = try await proposer.propose(FakeArchive.request(number))
            candidates.append(
                Candidate(
                    id: CandidateID(number), arm: .evolution, generation: 1, proposal: proposal, source: nil,
                    fingerprint: nil, shape: nil, status: statuses[number - 1], tuned: nil))
        }
        let account = ModelAccount(exchanges: log.exchanges, snapshot: ArchiveSnapshot(candidates: candidates))
        #expect(
            account.candidates == 3 && account.validFirstTry == 1 && account.needingRepair == 2 && account.repaired == 1
        )
        #expect(account.scored == 1 && account.duplicates == 1 && account.rejected == 1)
        #expect(account.steps.mapValues(\.calls) == ["analyse": 3, "write": 3, "repair": 3])
        #expect(account.total.promptTokens == 900 && abs((account.costPerValid ?? 0) - 0.0045) < 1e-12)
        #expect(
            account.soundFirstTry == 1 && account.echoed == 0 && account.validFirstTryRate == 1.0 / 3
                && account.repairRate == 0.5 && account.shown["kto_pair"] == 3)
    }
}
