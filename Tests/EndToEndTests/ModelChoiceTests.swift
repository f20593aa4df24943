import Foundation
import Testing

/// What a recipe with one of the lab's own models does where that cannot be had, and files of the user's own.
@Suite(.tags(.python, .slow), .enabled(if: Program.hasPython, "needs `make setup`"))
struct ModelChoiceTests {
    /// An empty cache, no Hub and no package index.
    private func offline(_ program: Program) -> [String: String] {
        [
            "LOSSLAB_CACHE": program.folder.appending(path: "cache").path, "HF_HUB_OFFLINE": "1", "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": "", "LOSSLAB_MODEL": "",
        ]
    }

    private func recipe(_ program: Program, fallback: String) throws -> String {
        let text = TinyCampaign.recipe.replacing(
            "strategy: grammar",
            with: "strategy: program\n  endpoint: {embedded: smollm2-135m}\n  maxTokens: 256\n\(fallback)")
        return try program.write(text, to: "runs/own.yaml")
    }

    @Test func withoutANetworkAFetchIsToldInOneSentence() throws {
        let program = try Program()
        defer { program.remove() }
        let outcome = try program.run("model", "fetch", "smollm2-135m", environment: offline(program))
        #expect(outcome.code == 1 && outcome.output.isEmpty)
        let told = outcome.errors.split(separator: "\n").filter { $0.hasPrefix("losslab: ") }
        #expect(told.count == 1)
        #expect(told.first?.contains("smollm2-135m could not be fetched: HF_HUB_OFFLINE is set; pip cannot") == true)
        #expect(told.first?.contains("Run `losslab model fetch smollm2-135m` again with a network") == true)
    }

    @Test func aModelThatCannotBeHadIsAnErrorWithoutAFallback() throws {
        let program = try Program()
        defer { program.remove() }
        let path = try recipe(program, fallback: "")
        let outcome = try program.run("campaign", "run", path, environment: offline(program))
        #expect(outcome.code == 1 && outcome.errors.contains("smollm2-135m could not be fetched"))
        #expect(!FileManager.default.fileExists(atPath: program.folder.appending(path: "runs/tiny").path))
        let none = try program.run(
            "campaign", "run", path, environment: offline(program).merging(["LOSSLAB_MODEL": "none"]) { $1 })
        #expect(none.code == 1 && none.errors.contains("tiny has no `fallback: grammar`"))
        let unknown = try program.run(
            "campaign", "run", path, environment: offline(program).merging(["LOSSLAB_MODEL": "smollm2-135"]) { $1 })
        #expect(
            unknown.code == 65
                && unknown.errors.contains("no model is named `smollm2-135`; did you mean `smollm2-135m`?"))
    }

    @Test func withAFallbackTheGrammarAloneGoesOnAndResumes() throws {
        let program = try Program()
        defer { program.remove() }
        let path = try recipe(program, fallback: "  fallback: grammar")
        let outcome = try program.run("campaign", "run", path, environment: offline(program))
        #expect(outcome.code == 0, "\(outcome.errors)")
        #expect(outcome.errors.contains("tiny: smollm2-135m could not be fetched"))
        #expect(outcome.errors.contains("the grammar alone writes the losses"))
        #expect(outcome.output.contains("proposer grammar") && outcome.output.contains("## Verdict: "))
        let again = try program.run("campaign", "run", path, "--resume", environment: offline(program))
        #expect(again.code == 0 && again.output.contains("proposer grammar"), "\(again.errors)")
    }

    @Test func aFileOfOnesOwnIsRegisteredListedAndForgottenAgain() throws {
        let program = try Program()
        defer { program.remove() }
        let environment = offline(program)
        let text = try program.write("no model", to: "text.gguf")
        let refused = try program.run("model", "fetch", "mine", "--file", text, environment: environment)
        #expect(refused.code == 65 && refused.errors.contains("text.gguf is no GGUF file"))
        let file = try program.write("GGUF and more", to: "own.gguf")
        let taken = try program.run("model", "fetch", "smollm2-135m", "--file", file, environment: environment)
        #expect(taken.code == 65 && taken.errors.contains("is one of the lab's own models"))
        #expect(try program.run("model", "fetch", "mine", "--file", file, environment: environment).code == 0)
        #expect(try program.run("model", "list", environment: environment).output.contains(file))
        #expect(try program.run("model", "remove", "mine", environment: environment).code == 0)
        #expect(FileManager.default.fileExists(atPath: file))
        #expect(try !program.run("model", "list", environment: environment).output.contains("mine"))
    }
}
