import Foundation
import Testing

/// Campaigns over a model and data of one's own: a tiny Llama trained here, pairs, questions and rubrics written here.
@Suite(.tags(.python, .slow), .serialized, .enabled(if: Program.hasPython, "needs .venv: make setup"))
struct PolicyCampaignTests {
    private static let recipe = """
        name: own
        seed: 5
        policy: {model: model, device: cpu}
        data: {dataset: pairs.jsonl, confirmationShare: 0.4, maxLength: 96}
        evaluation: {questions: questions/question.jsonl, temperature: 0.8, samples: 2, maxNewTokens: 6}
        training: {batchSize: 8}
        proposer: {strategy: grammar}
        catalogue: [dpo, kto_pair]
        budget: {candidates: 2, generationSize: 2}
        tuning:
          grid: {learningRates: [0.003], betas: [0.05, 0.2]}
          smokePairs: 16
          pairs: 24
          fullSeeds: [1, 2]
          fullSettings: 1
        confirmation: {finalists: 1, catalogueLosses: 1, seeds: 101-102}
        workers: 2
        """

    /// Eight questions of two turns; a good answer is two to four words and says `yes`, which chosen answers end with.
    ///
    /// - Parameter other: whose model is copied; `nil` trains one.
    private func program(_ recipe: String, modelOf other: Program? = nil) throws -> Program {
        let program = try Program()
        try program.tinyModel(of: other)
        var questions: [String] = []
        var rubrics: [String] = []
        for number in 1...8 {
            let category = number < 5 ? "writing" : "math"
            questions.append(
                #"{"question_id": \#(number), "category": "\#(category)", "turns": ["the cat \#(number)", "and why"]}"#)
            let turn =
                #"{"checks": [{"kind": "length", "weight": 0.5, "atLeast": 2, "atMost": 4, "slack": 3}, "#
                + #"{"kind": "bag", "weight": 0.5, "expected": ["yes"]}]}"#
            rubrics.append(#"{"question_id": \#(number), "turns": [\#(turn), \#(turn)]}"#)
        }
        _ = try program.write(questions.joined(separator: "\n") + "\n", to: "questions/question.jsonl")
        _ = try program.write(rubrics.joined(separator: "\n") + "\n", to: "questions/rubric.jsonl")
        _ = try program.write(recipe, to: "runs/own.yaml")
        return program
    }

    @Test func aCampaignOverAModelOfOnesOwnIsKilledResumedAndEndsAsIfItHadNotBeen() throws {
        let whole = try program(Self.recipe)
        defer { whole.remove() }
        let outcome = try whole.run("campaign", "run", "runs/own.yaml")
        #expect(outcome.code == 0, "\(outcome.errors)")
        #expect(outcome.errors.contains("training data: columns that are not used: origin (filled in 80 rows)"))
        #expect(outcome.output.contains("## Verdict: "))
        // Named after its data, as a world would be.
        #expect(outcome.output.contains("pairs"), "\(outcome.output)")

        let broken = try program(Self.recipe, modelOf: whole)
        defer { broken.remove() }
        for round in 0..<6 {
            let files = ["out", "err"].map { broken.folder.appending(path: "\(round).\($0)") }
            let process = try broken.start(
                ["campaign", "run", "runs/own.yaml", "--resume"], output: files[0], errors: files[1])
            Thread.sleep(forTimeInterval: Double.random(in: 1...8))
            kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
        }
        let resumed = try broken.run("campaign", "run", "runs/own.yaml", "--resume")
        #expect(resumed.code == 0, "\(resumed.errors)")
        #expect(try TinyCampaign.archive(of: broken) == TinyCampaign.archive(of: whole))
        #expect(try broken.run("archive", "verify").code == 0)
    }

    @Test(arguments: [
        ("model: model", "model: nowhere/at-all", Int32(65), "nowhere/at-all"),
        ("dataset: pairs.jsonl", "dataset: questions/question.jsonl", 65, "question.jsonl"),
        ("questions/question.jsonl", "questions/absent.jsonl", 65, "absent.jsonl is missing"),
        ("questions: questions/question.jsonl", "questions: bare/question.jsonl", 65, "no judge is named"),
        ("policy: {model: model", "policy: {modle: model", 65, "did you mean `model`"),
    ])
    func whatCannotBeUsedIsNamedBeforeAnyTraining(old: String, new: String, code: Int32, words: String) throws {
        let program = try program(Self.recipe.replacing(old, with: new))
        defer { program.remove() }
        try FileManager.default.createDirectory(
            at: program.folder.appending(path: "bare"), withIntermediateDirectories: true)
        try FileManager.default.copyItem(
            at: program.folder.appending(path: "questions/question.jsonl"),
            to: program.folder.appending(path: "bare/question.jsonl"))
        let outcome = try program.run("campaign", "run", "runs/own.yaml")
        #expect(outcome.code == code, "\(outcome.errors)")
        #expect(outcome.errors.contains(words), "\(outcome.errors)")
        #expect(!outcome.errors.contains("catalogue proxy"), "\(outcome.errors)")
    }
}
