import Foundation
import Testing

/// A whole campaign by the real program: real losses, real training, killed and resumed.
@Suite(.tags(.python, .slow), .enabled(if: Program.hasPython, "needs .venv: make setup"))
struct CampaignCommandTests {
    private struct Row: Decodable {
        let name: String
        let origin: String
        let score: Double?
        let standardError: Double?
        let trials: Int
        let differenceFromDPO: Double?
        let confirmed: Bool
    }

    @Test func theTableCarriesErrorsAndTheFilesRestoreTheArchive() throws {
        let whole = try TinyCampaign.uninterrupted.get()
        let rows = try whole.run("archive", "list", "--format", "json").json([Row].self)
        let dpo = try #require(rows.first { $0.name == "dpo" })
        #expect(dpo.confirmed && dpo.origin == "baseline" && dpo.trials >= 3)
        #expect(rows.filter { $0.origin == "discovered" && $0.score != nil }.count == 3)
        #expect(rows.allSatisfy { $0.score == nil || $0.standardError != nil })

        let restored = try Program()
        defer { restored.remove() }
        try FileManager.default.removeItem(at: restored.folder.appending(path: "runs"))
        try FileManager.default.copyItem(
            at: whole.folder.appending(path: "runs"), to: restored.folder.appending(path: "runs"))
        try FileManager.default.removeItem(at: restored.folder.appending(path: "runs/archive.sqlite"))
        #expect(try restored.run("archive", "rebuild").code == 0)
        #expect(try TinyCampaign.archive(of: restored) == TinyCampaign.archive(of: whole))

        let verified = try restored.run("archive", "verify")
        #expect(verified.code == 0 && verified.output.contains("tiny: "), "\(verified.output)")
        #expect(
            verified.output.contains("covered by their SHA-256; that is every file of the run"), "\(verified.output)")
        let report = restored.folder.appending(path: "runs/tiny/report.md")
        let text = try String(contentsOf: report, encoding: .utf8)
        try Data(text.replacing("Verdict", with: "Triumph").utf8).write(to: report)
        let forged = try restored.run("archive", "verify")
        #expect(forged.code == 1 && forged.output.contains("report.md: is not what the run wrote"), "\(forged.output)")
    }

    @Test func aLossIsShownWithItsTrialsAndItsLineage() throws {
        struct Details: Decodable {
            struct Trial: Decodable {}
            struct Loss: Decodable { let id: Int }
            let candidate: Loss
            let trials: [Trial]
        }
        struct Lineage: Decodable {
            struct Node: Decodable { let name: String }
            let loss: Node
            let ancestors: [Node]
        }
        let whole = try TinyCampaign.uninterrupted.get()
        let rows = try whole.run("archive", "list", "--format", "json").json([Row].self)
        let dpo = try #require(rows.first { $0.name == "dpo" })
        let shown = try whole.run("archive", "show", "tiny", "dpo", "--format", "json").json(Details.self)
        #expect(shown.candidate.id < 0 && shown.trials.count >= dpo.trials)
        let byNumber = try whole.run("archive", "show", "tiny", "1")
        #expect(byNumber.code == 0 && byNumber.output.contains("def loss("), "\(byNumber.errors)")
        let lineage = try whole.run("archive", "lineage", "tiny", "dpo", "--format", "json").json(Lineage.self)
        #expect(lineage.loss.name == "dpo" && lineage.ancestors.isEmpty)
        for command in ["show", "lineage"] {
            let missing = try whole.run("archive", command, "tiny", "nosuch")
            #expect(missing.code == 65 && missing.errors.contains("campaign tiny has no loss nosuch"))
        }
    }

    @Test func interruptionEndsCleanlyAndSaysHowToResume() throws {
        let program = try Program()
        defer { program.remove() }
        _ = try program.write(TinyCampaign.recipe, to: "runs/tiny.yaml")
        let errors = program.folder.appending(path: "errors")
        let process = try program.start(
            ["campaign", "run", "runs/tiny.yaml"], output: program.folder.appending(path: "output"), errors: errors)
        let manifest = program.folder.appending(path: "runs/tiny/manifest.json").path
        for _ in 0..<600 where !FileManager.default.fileExists(atPath: manifest) { Thread.sleep(forTimeInterval: 0.1) }
        Thread.sleep(forTimeInterval: 1)
        kill(process.processIdentifier, SIGINT)
        process.waitUntilExit()
        #expect(process.terminationStatus == 130)
        #expect(try String(contentsOf: errors, encoding: .utf8).contains("losslab campaign resume tiny"))
    }

    @Test func interruptionEndsARecipesSecondCampaignToo() throws {
        let program = try Program()
        defer { program.remove() }
        let recipe = """
            defaults:
              world: length-biased
              transferWorld: none
              catalogue: [dpo]
              budget: {candidates: 1, generationSize: 1}
              tuning: {grid: {learningRates: [0.0005], betas: [0.02]}, smokePairs: 32, pairs: 64, fullSeeds: [1, 2]}
              confirmation: {finalists: 1, catalogueLosses: 1, seeds: 101-102}
            campaigns:
              - name: first
              - name: second
                seed: 2
            """
        _ = try program.write(recipe, to: "runs/two.yaml")
        let errors = program.folder.appending(path: "errors")
        let process = try program.start(
            ["campaign", "run", "runs/two.yaml"], output: program.folder.appending(path: "output"), errors: errors)
        let manifest = program.folder.appending(path: "runs/second/manifest.json").path
        for _ in 0..<3_000 where process.isRunning && !FileManager.default.fileExists(atPath: manifest) {
            Thread.sleep(forTimeInterval: 0.1)
        }
        kill(process.processIdentifier, SIGINT)
        process.waitUntilExit()
        #expect(process.terminationStatus == 130)
        #expect(try String(contentsOf: errors, encoding: .utf8).contains("losslab campaign resume second"))
    }
}

/// What a user may get wrong before anything runs.
@Suite struct CampaignInputTests {
    @Test func mistakesInARecipeAreNamedWithTheirPlace() throws {
        let program = try Program()
        defer { program.remove() }
        _ = try program.write("name: x\nworld: base\nbudgett:\n  candidates: 3\n", to: "runs/typo.yaml")
        let typo = try program.run("campaign", "run", "runs/typo.yaml")
        #expect(typo.code == 65)
        #expect(typo.errors.contains("runs/typo.yaml:3") && typo.errors.contains("`budget`"), "\(typo.errors)")
        _ = try program.write("name: [x\n", to: "runs/broken.yaml")
        #expect(try program.run("campaign", "run", "runs/broken.yaml").code == 65)
        let missing = try program.run("campaign", "run", "runs/nothing.yaml")
        #expect(missing.code == 65 && missing.errors.contains("runs/nothing.yaml"))
    }

    @Test func aDamagedOrMissingArchiveSaysWhatToDo() throws {
        let program = try Program()
        defer { program.remove() }
        let missing = try program.run("archive", "list")
        #expect(missing.code == 65 && missing.errors.contains("losslab archive rebuild"))
        _ = try program.write("this is no database", to: "runs/archive.sqlite")
        let damaged = try program.run("archive", "list")
        #expect(damaged.code == 65 && damaged.errors.contains("losslab archive rebuild"))
    }

    @Test func anUnknownCampaignIsBadInput() throws {
        let program = try Program()
        defer { program.remove() }
        let outcome = try program.run("campaign", "resume", "nowhere")
        #expect(outcome.code != 0 && outcome.errors.contains("nowhere"))
    }
}
