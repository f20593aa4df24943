import Foundation
import Testing

/// A small campaign whose losses a real language model writes: fetched, served, screened, trained, scored, fed back.
///
/// The model is fetched once (491 MB); where that fails the test ends with a message and nothing is claimed.
@Suite(.tags(.python, .slow), .enabled(if: Program.hasPython, "needs .venv: make setup"))
struct EmbeddedCampaignTests {
    private static let model = "qwen2.5-coder-0.5b"
    private static let environment = TestModels.environment(for: model)

    private static let recipe = """
        name: written
        seed: 4
        world: length-biased
        transferWorld: none
        proposer:
          strategy: program
          endpoint: {embedded: qwen2.5-coder-0.5b, concurrency: 2}
          contextTokens: 2048
          temperature: 0.8
          repairs: 1
          controlArms: {random: 0.25}
        catalogue: [dpo, kto_pair, slic]
        budget: {candidates: 4, generationSize: 2}
        tuning:
          grid: {learningRates: [0.0005], betas: [0.02]}
          smokePairs: 32
          pairs: 64
          fullSeeds: [1, 2]
          fullSettings: 1
        confirmation: {finalists: 1, catalogueLosses: 1, seeds: 101-102}
        workers: 2
        """

    private struct Exchange: Decodable {
        struct Request: Decodable {
            let prompt: String?
        }
        struct Reply: Decodable {
            struct Usage: Decodable {
                let promptTokens: Int
                let completionTokens: Int
            }
            let usage: Usage
        }
        let candidate: Int
        let step: String
        let call: Int
        let digest: String
        let request: Request
        let reply: Reply?
    }

    private func exchanges(of program: Program) throws -> [Exchange] {
        let folder = program.folder.appending(path: "runs/written/conversations")
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
        return try names.flatMap { name in
            try Data(contentsOf: folder.appending(path: name)).split(separator: UInt8(ascii: "\n")).map {
                try JSONDecoder().decode(Exchange.self, from: $0)
            }
        }
    }

    @Test func aRealModelsLossesAreTrainedScoredAndShownToItAgainAcrossAKill() throws {
        guard let program = try TestModels.program(with: Self.model) else { return }
        defer { program.remove() }
        _ = try program.write(Self.recipe, to: "runs/written.yaml")
        let process = try program.start(
            ["campaign", "run", "runs/written.yaml"], environment: Self.environment,
            output: program.folder.appending(path: "output"),
            errors: program.folder.appending(path: "errors"))
        // Killed once the model has answered for the first time.
        let conversations = program.folder.appending(path: "runs/written/conversations").path
        while process.isRunning,
            (try? FileManager.default.contentsOfDirectory(atPath: conversations))?.isEmpty ?? true
        { Thread.sleep(forTimeInterval: 0.05) }
        let errors = try String(contentsOf: program.folder.appending(path: "errors"), encoding: .utf8)
        try #require(process.isRunning, "\(errors)")
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
        let before = try exchanges(of: program)

        let resumed = try program.run("campaign", "resume", "written", environment: Self.environment)
        try #require([0, 2].contains(resumed.code), "\(resumed.errors)")
        #expect(resumed.output.contains("## Verdict: ") && resumed.output.contains("Asked qwen2.5-coder-0.5b"))
        let all = try exchanges(of: program)
        // No answered call was asked again, and the model was told scores of losses with their errors.
        let names = all.filter { $0.reply != nil }.map { "\($0.candidate)/\($0.step)/\($0.call)/\($0.digest)" }
        #expect(Set(names).count == names.count && all.count > before.count)
        #expect(before.allSatisfy { old in names.contains("\(old.candidate)/\(old.step)/\(old.call)/\(old.digest)") })
        let prompts = all.filter { $0.step == "complete" }.compactMap(\.request.prompt)
        #expect(prompts.allSatisfy { $0.contains(/Score \d+\.\d\d ± \d\.\d\d\./) && $0.contains("def loss_v1(") })
        #expect(all.compactMap(\.reply).allSatisfy { $0.usage.promptTokens < 900 && $0.usage.completionTokens <= 300 })

        struct Row: Decodable {
            let origin: String
            let score: Double?
        }
        let rows = try program.run("archive", "list", "--format", "json").json([Row].self)
        #expect(rows.contains { $0.origin == "discovered" && $0.score != nil })
        let verified = try program.run("archive", "verify")
        #expect(verified.code == 0, "\(verified.output)\(verified.errors)")
    }
}
