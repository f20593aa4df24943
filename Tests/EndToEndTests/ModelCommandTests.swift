import Foundation
import Testing

/// Campaigns with a model by the real program: real screening and training, killed, resumed, audited.
@Suite(.tags(.python, .slow), .serialized, .enabled(if: Program.hasPython, "needs .venv: make setup"))
struct ModelCommandTests {
    static let key = "sk-planted-9f8e7d6c5b4a39281706"

    static func recipe(_ base: String, strategy: String = "program", candidates: Int = 3, extra: String = "") -> String
    {
        TinyCampaign.recipe
            .replacing("name: tiny", with: "name: model")
            .replacing(
                "  strategy: grammar",
                with: """
                      strategy: \(strategy)
                      model: scripted
                      endpoint: {baseURL: "\(base)", keyEnvironment: PLANTED_KEY}
                    """
            )
            .replacing(
                "budget: {candidates: 3, generationSize: 3}",
                with: "budget: {candidates: \(candidates), generationSize: \(candidates)\(extra)}")
    }

    /// A folder in which the catalogue's trainings are already done, where another test did them.
    static func program() throws -> Program {
        let program = try Program()
        if case .success(let done) = TinyCampaign.uninterrupted {
            try? FileManager.default.copyItem(
                at: done.folder.appending(path: ".cache"), to: program.folder.appending(path: ".cache"))
        }
        return program
    }

    private struct Shown: Decodable {
        struct Model: Decodable {
            let candidates: Int
            let validFirstTry: Int
            let scored: Int
            let rejected: Int
            let duplicates: Int
            let failed: Int
        }

        let model: Model
    }

    /// Every file below a folder that holds the text.
    private func files(holding text: String, in folder: URL) -> [String] {
        let names = FileManager.default.enumerator(atPath: folder.path)?.compactMap { $0 as? String } ?? []
        return names.filter { name in
            guard !name.hasPrefix("losses"), !name.hasPrefix("evaluation"),
                let data = FileManager.default.contents(atPath: folder.appending(path: name).path)
            else { return false }
            return data.range(of: Data(text.utf8)) != nil
        }
    }

    @Test func aKilledCampaignAsksNothingTwiceAndTheKeyIsNowhere() throws {
        let server = try ModelServer("--faults", "--key", Self.key, "--delay", "0.3")
        let environment = ["PLANTED_KEY": Self.key]
        let program = try Self.program()
        defer { program.remove() }
        _ = try program.write(Self.recipe(server.base), to: "runs/model.yaml")

        // Without the key: one clear error at once, and nothing is begun.
        let keyless = try program.run("campaign", "run", "runs/model.yaml")
        let unanswered = try server.counts().answered
        #expect(keyless.code == 1 && keyless.errors.contains("refuses the key") && unanswered == 0, "\(keyless.errors)")
        #expect(!FileManager.default.fileExists(atPath: program.folder.path + "/runs/model"))

        for round in 0..<3 {
            let process = try program.start(
                ["campaign", "run", "runs/model.yaml", "--resume"], environment: environment,
                output: program.folder.appending(path: "\(round).out"),
                errors: program.folder.appending(path: "\(round).err"))
            // Killed while calls are being answered: after each further few.
            let target = 2 * (round + 1)
            for _ in 0..<600 {
                if try server.counts().answered >= target || !process.isRunning { break }
                Thread.sleep(forTimeInterval: 0.05)
            }
            kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
        }
        let outcome = try program.run("campaign", "run", "runs/model.yaml", "--resume", environment: environment)
        #expect(outcome.code == 0, "\(outcome.errors)")

        // Only a call in flight at a kill may have been answered without anyone to hear it: at most 4 at each.
        let counts = try server.counts()
        #expect(counts.repeated <= 3 * 4)
        let folder = program.folder.appending(path: "runs/model")
        let conversations = try FileManager.default.contentsOfDirectory(atPath: folder.path + "/conversations")
        var identities: [String] = []
        for name in conversations {
            let text = try String(contentsOfFile: folder.path + "/conversations/" + name, encoding: .utf8)
            for line in text.split(separator: "\n") {
                let value = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any] ?? [:]
                if value["reply"] != nil {
                    identities.append("\(name) \(value["step"] ?? "") \(value["call"] ?? "") \(value["digest"] ?? "")")
                }
            }
        }
        #expect(!identities.isEmpty && Set(identities).count == identities.count)
        // Three contents more: a word asked for at the start in the form of analysing, of writing and of repairing.
        #expect(identities.count == counts.contents - 3)

        let shown = try program.run("campaign", "show", "model", "--format", "json").json(Shown.self).model
        #expect(shown.candidates == conversations.count && shown.failed == 0)
        #expect(shown.scored + shown.rejected + shown.duplicates == shown.candidates)
        #expect(outcome.output.contains("## What the model saw, spent and brought"))
        #expect(try program.run("archive", "verify").code == 0)
        #expect(files(holding: Self.key, in: program.folder).isEmpty)
        #expect(files(holding: String(Self.key.dropFirst(3)), in: program.folder).isEmpty)
    }

    @Test func killedWithRequestsOnTheirWayTheBudgetIsNeverPassed() throws {
        let server = try ModelServer("--delay", "1")
        let program = try Self.program()
        defer { program.remove() }
        _ = try program.write(Self.recipe(server.base, candidates: 6, extra: ", calls: 16"), to: "runs/model.yaml")
        let spending = program.folder.appending(path: "runs/model/spending.jsonl")
        /// Requests that were written down and have no end.
        func open() -> Int {
            let text = (try? String(contentsOf: spending, encoding: .utf8)) ?? ""
            func lines(_ word: String) -> Int { text.split(separator: "\n").count { $0.contains("\"\(word)\":") } }
            return lines("reserved") - lines("settled") - lines("released")
        }
        for round in 0..<2 {
            let before = open()
            let process = try program.start(
                ["campaign", "run", "runs/model.yaml", "--resume"], environment: ["PLANTED_KEY": Self.key],
                output: program.folder.appending(path: "\(round).out"),
                errors: program.folder.appending(path: "\(round).err"))
            while process.isRunning, open() == before { Thread.sleep(forTimeInterval: 0.02) }
            // Each answer takes a second, so these are still on their way.
            Thread.sleep(forTimeInterval: 0.3)
            kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
            #expect(open() > before)
        }
        let shown = try program.run("campaign", "show", "model")
        #expect(shown.output.contains("were on their way when it was killed: counted as spent"), "\(shown.output)")
        let outcome = try program.run(
            "campaign", "run", "runs/model.yaml", "--resume", environment: ["PLANTED_KEY": Self.key])
        #expect(outcome.code == 0 || outcome.code == 2, "\(outcome.errors)")
        #expect(try server.counts().requests <= 16)
    }

    /// What it refuses is found before the trainings, once for each, and the campaign goes on without.
    @Test func aServerThatTakesNextToNothingIsAskedAsItLikes() throws {
        let server = try ModelServer("--plain")
        let program = try Self.program()
        defer { program.remove() }
        _ = try program.write(
            Self.recipe(server.base, candidates: 2).replacing("keyEnvironment: PLANTED_KEY", with: "concurrency: 2"),
            to: "runs/model.yaml")
        let outcome = try program.run("campaign", "run", "runs/model.yaml")
        #expect(outcome.code == 0 || outcome.code == 2, "\(outcome.errors)")
        for lesson in ["no such temperature", "no seed", "no response_format", "no system message"] {
            #expect(outcome.errors.components(separatedBy: lesson).count == 2, "\(outcome.errors)")
        }
        let counts = try server.counts()
        #expect(counts.refused == 4 && counts.answered >= 4, "\(counts)")
    }

    @Test func aStepRunsAloneAndItsPromptCanBeRead() throws {
        let server = try ModelServer()
        let program = try Program()
        defer { program.remove() }
        let state = try program.write(
            #"{"code": "def loss(): pass", "findings": "- signature: no parameters"}"#, to: "state.json")
        let dry = try program.run("proposer", "step", "repair", "--dry-run", "--state", state)
        #expect(
            dry.code == 0 && dry.output.contains("- signature: no parameters") && dry.output.contains("=== user ==="))
        let run = try program.run(
            "proposer", "step", "repair", "--state", state, "--model", "scripted", "--base-url", server.base)
        #expect(
            run.code == 0 && run.errors.contains("accepted") && run.output.contains("def loss("), "\(run.errors)")
        let wrong = try program.run("proposer", "step", "repair", "--dry-run", "--set", "archive=x")
        #expect(wrong.code == 65 && wrong.errors.contains("does not read archive; it reads contract, code, findings"))
        let lacking = try program.run("proposer", "step", "repair", "--dry-run")
        #expect(lacking.code == 65 && lacking.errors.contains("step repair reads `code`"), "\(lacking.errors)")
        let unknown = try program.run("proposer", "step", "rite", "--dry-run")
        #expect(unknown.code == 65 && unknown.errors.contains("analyse, write"))
    }
}
