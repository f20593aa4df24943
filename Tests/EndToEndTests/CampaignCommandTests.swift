import Foundation
import Testing

/// A whole campaign by the real program: real losses, real training, killed and resumed.
@Suite(.tags(.python, .slow), .enabled(if: Program.hasPython, "needs .venv: make setup"))
struct CampaignCommandTests {
    private static let recipe = """
        name: tiny
        seed: 3
        world: length-biased
        transferWorld: none
        proposer:
          strategy: grammar
          controlArms: {random: 0.25}
        catalogue: [dpo, kto_pair]
        budget: {candidates: 3, generationSize: 3}
        tuning:
          grid: {learningRates: [0.0005], betas: [0.02, 0.08]}
          smokePairs: 32
          pairs: 64
          fullSeeds: [1, 2]
          fullSettings: 1
        confirmation: {finalists: 1, catalogueLosses: 1, seeds: 101-102}
        workers: 2
        """

    private struct Row: Decodable {
        let name: String
        let origin: String
        let score: Double?
        let standardError: Double?
        let trials: Int
        let differenceFromDPO: Double?
        let confirmed: Bool
    }

    private func canonicalExport(_ program: Program) throws -> String {
        let outcome = try program.run("archive", "export", "--canonical")
        #expect(outcome.code == 0, "\(outcome.errors)")
        return outcome.output
    }

    @Test func aCampaignKilledAtRandomMomentsEndsWithTheSameArchive() throws {
        let whole = try Program()
        defer { whole.remove() }
        _ = try whole.write(Self.recipe, to: "runs/tiny.yaml")
        let outcome = try whole.run("campaign", "run", "runs/tiny.yaml")
        #expect(outcome.code == 0, "\(outcome.errors)")
        #expect(outcome.output.contains("## Verdict: "))

        let broken = try Program()
        defer { broken.remove() }
        _ = try broken.write(Self.recipe, to: "runs/tiny.yaml")
        var generator = SystemRandomNumberGenerator()
        var begun = false
        for round in 0..<4 {
            let arguments = begun ? ["campaign", "resume", "tiny"] : ["campaign", "run", "runs/tiny.yaml"]
            let process = try broken.start(
                arguments, output: broken.folder.appending(path: "\(round).out"),
                errors: broken.folder.appending(path: "\(round).err"))
            Thread.sleep(forTimeInterval: Double.random(in: 2...9, using: &generator))
            kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
            begun = FileManager.default.fileExists(
                atPath: broken.folder.appending(path: "runs/tiny/manifest.json").path)
        }
        let resumed =
            begun ? try broken.run("campaign", "resume", "tiny") : try broken.run("campaign", "run", "runs/tiny.yaml")
        #expect(resumed.code == 0, "\(resumed.errors)")
        #expect(try canonicalExport(broken) == canonicalExport(whole))
        #expect(try broken.run("archive", "verify").code == 0)

        let rows = try whole.run("archive", "list", "--format", "json").json([Row].self)
        let dpo = try #require(rows.first { $0.name == "dpo" })
        #expect(dpo.confirmed && dpo.origin == "baseline" && dpo.trials >= 3)
        #expect(rows.filter { $0.origin == "discovered" && $0.score != nil }.count == 3)
        #expect(rows.allSatisfy { $0.score == nil || $0.standardError != nil })

        let archive = whole.folder.appending(path: "runs/archive.sqlite")
        let before = try canonicalExport(whole)
        try FileManager.default.removeItem(at: archive)
        #expect(try whole.run("archive", "rebuild").code == 0)
        #expect(try canonicalExport(whole) == before)
    }

    @Test func interruptionEndsCleanlyAndSaysHowToResume() throws {
        let program = try Program()
        defer { program.remove() }
        _ = try program.write(Self.recipe, to: "runs/tiny.yaml")
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
