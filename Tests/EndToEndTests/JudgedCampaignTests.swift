import Foundation
import Testing

/// Campaigns whose answers a model grades over HTTP, by the real program: a tiny Llama trained here, a scripted judge.
@Suite(.tags(.python, .slow), .serialized, .enabled(if: Program.hasPython, "needs .venv: make setup"))
struct JudgedCampaignTests {
    private static func recipe(_ base: String, calls: Int = 100_000, judge: String = "gpt-4o") -> String {
        """
        name: judged
        seed: 5
        policy: {model: model, device: cpu}
        data: {dataset: pairs.jsonl, confirmationShare: 0.4, maxLength: 96}
        evaluation: {suite: ./questions, temperature: 0.8, samples: 2, maxNewTokens: 6}
        training: {batchSize: 8}
        judge: {kind: mt_bench, model: \(judge), endpoint: {baseURL: "\(base)"}}
        proposer: {strategy: grammar}
        catalogue: [dpo, kto_pair]
        budget: {candidates: 1, generationSize: 1, calls: \(calls)}
        tuning:
          grid: {learningRates: [0.003], betas: [0.05]}
          smokePairs: 16
          pairs: 24
          fullSeeds: [1, 2]
          fullSettings: 1
        confirmation: {finalists: 1, catalogueLosses: 1, seeds: 101-102}
        workers: 2
        """
    }

    /// Eight questions of two turns with prompts of their own, and the recipe.
    ///
    /// - Parameter other: gives its model and pairs, which need not be made again then.
    private func program(_ recipe: String, like other: Program? = nil) throws -> Program {
        let program = try Program()
        try program.tinyModel(of: other)
        let questions = (1...8).map { number in
            let category = number < 7 ? "writing" : "math"
            return
                #"{"question_id": \#(number), "category": "\#(category)", "turns": ["the cat \#(number)", "and why"], "#
                + #""reference": ["red", "small"]}"#
        }
        let prompts = [
            ("single-v1", "Q {question} A {answer}"), ("single-math-v1", "Q {question} R {ref_answer_1} A {answer}"),
            ("single-v1-multi-turn", "Q {question_1} A {answer_1} Q {question_2} A {answer_2}"),
            (
                "single-math-v1-multi-turn",
                "Q {question_1} R {ref_answer_1} Q {question_2} R {ref_answer_2} A {answer_1} A {answer_2}"
            ),
        ].map { name, text in
            #"{"name": "\#(name)", "type": "single", "system_prompt": "You grade.", "#
                + #""prompt_template": "Rate as [[rating]]. \#(text)", "output_format": "[[rating]]"}"#
        }
        _ = try program.write(questions.joined(separator: "\n") + "\n", to: "questions/question.jsonl")
        _ = try program.write(prompts.joined(separator: "\n") + "\n", to: "questions/judge_prompts.jsonl")
        _ = try program.write(recipe, to: "runs/judged.yaml")
        return program
    }

    private struct Shown: Decodable {
        struct Spending: Decodable {
            let calls: Int
            let replayed: Int
            let promptTokens: Int
            let cost: Double
        }

        let spending: Spending?
        let unsettled: Spending?
    }

    private struct Dialogue: Decodable {
        let scores: [Double?]
        let explanations: [String]
    }

    @Test func aBudgetThatEndsWhileJudgingStopsTheCampaignAndALargerOneFinishesItAlike() throws {
        let server = try ModelServer()
        let whole = try program(Self.recipe(server.base))
        defer { whole.remove() }
        let outcome = try whole.run("campaign", "run", "runs/judged.yaml")
        #expect(outcome.code == 0, "\(outcome.errors)")

        // The search asks half of the eight questions, and the warning counts those.
        #expect(outcome.errors.contains("the judge cannot resolve a gap of 0.10"), "\(outcome.errors)")
        #expect(outcome.errors.contains("standard error of 1.49 over 4 questions"), "\(outcome.errors)")

        // Every judgment is there with its rating and the judge's own words; the sums are those of the server.
        let answers = whole.folder.appending(path: "runs/judged/answers")
        let files = FileManager.default.enumerator(atPath: answers.path)?.compactMap { $0 as? String } ?? []
        var judgments = 0
        for file in files where file.hasSuffix(".jsonl") {
            let text = try String(contentsOf: answers.appending(path: file), encoding: .utf8)
            for line in text.split(separator: "\n") {
                let dialogue = try JSONDecoder().decode(Dialogue.self, from: Data(line.utf8))
                for (score, words) in zip(dialogue.scores, dialogue.explanations) {
                    #expect(words.contains("Rating: [[\(Int(score ?? 0))]]"))
                    judgments += 1
                }
            }
        }
        #expect(judgments >= 6 * 24)
        let shown = try whole.run("campaign", "show", "judged", "--format", "json").json(Shown.self)
        let spending = try #require(shown.spending)
        #expect(try spending.calls == server.counts().answered && spending.cost > 0 && shown.unsettled == nil)
        #expect(outcome.output.contains("graded by gpt-4o under MT-Bench's prompts"))
        #expect(outcome.output.contains("## What model calls cost") && outcome.output.contains("| judge | gpt-4o |"))

        // The same in portions: at each end the code for a campaign that can go on, and how.
        let first = spending.calls / 4
        let portions = try program(Self.recipe(server.base, calls: first), like: whole)
        defer { portions.remove() }
        var next = try portions.run("campaign", "run", "runs/judged.yaml")
        for budget in [3 * first, 10 * spending.calls] {
            #expect(
                next.code == 130 && next.errors.contains("calls is reached")
                    && next.errors.contains("losslab campaign resume judged --budget-calls CALLS"), "\(next.errors)")
            next = try portions.run("campaign", "resume", "judged", "--budget-calls", "\(budget)")
        }
        #expect(next.code == 0, "\(next.errors)")
        // What was answered is not asked again. Only the judge's one word may be: each of two resumptions may want it.
        let inAll = try portions.run("campaign", "show", "judged", "--format", "json").json(Shown.self).spending?.calls
        #expect((spending.calls...spending.calls + 2).contains(inAll ?? 0), "\(inAll ?? 0) \(spending.calls)")
        let archives = try [whole, portions].map {
            try TinyCampaign.archive(of: $0).replacing("\"calls\":100000", with: "\"calls\":\(first)")
        }
        let isAlike = archives[0] == archives[1]
        #expect(isAlike)

        #expect(!archives[1].contains("\"failed\""))

        // With nothing left to ask, neither server nor key is needed.
        server.stop()
        let again = try portions.run("campaign", "resume", "judged")
        #expect(again.code == next.code, "\(again.errors)")
    }

    /// The baseline is what the policy said before training: it stays readable, and is found again.
    @Test func answersAreComparedWithTheUntrainedPolicysOwnOrWithAFiles() throws {
        let server = try ModelServer()
        let recipe = Self.recipe(server.base)
            .replacing("kind: mt_bench", with: "kind: pairwise").replacing("candidates: 1", with: "candidates: 0")
        let program = try program(recipe)
        defer { program.remove() }
        _ = try program.write(
            """
            system_prompt: Compare. End with [[A>>B]], [[A>B]], [[A=B]], [[B>A]] or [[B>>A]].
            prompt_template: ["Q {question_1} FIRST {answer_1} SECOND {answer_2}"]
            """, to: "questions/judge_config.yaml")
        let outcome = try program.run("campaign", "run", "runs/judged.yaml")
        // A sweep of known losses proposes none.
        #expect(outcome.code == 2 || outcome.code == 0, "\(outcome.errors)")
        #expect(outcome.output.contains("5.5 is as good as the untrained policy"), "\(outcome.output)")
        #expect(outcome.errors.contains("uncalibrated for pairwise judging on these 4 questions"), "\(outcome.errors)")
        let run = program.folder.appending(path: "runs/judged")
        var baselines = 0
        for set in ["search", "heldOut"] {
            let text = try String(contentsOf: run.appending(path: "baseline/pairs-\(set).jsonl"), encoding: .utf8)
            baselines += text.split(separator: "\n").count
        }
        #expect(baselines == 8)
        let answers = run.appending(path: "answers")
        let files = FileManager.default.enumerator(atPath: answers.path)?.compactMap { $0 as? String } ?? []
        let lines = try files.filter { $0.hasSuffix(".jsonl") }.flatMap { file in
            try String(contentsOf: answers.appending(path: file), encoding: .utf8).split(separator: "\n")
        }
        #expect(!lines.isEmpty)
        for line in lines {
            let dialogue = try JSONDecoder().decode(Dialogue.self, from: Data(line.utf8))
            // One grade a conversation, from a game in each order.
            let score = try #require(dialogue.scores.first ?? nil)
            #expect((1...10).contains(score))
            #expect(dialogue.explanations.first?.components(separatedBy: "\n---\n").count == 2)
        }

        // The server gone and the answers known: nothing is asked. A file that lacks an answer is refused by name.
        server.stop()
        #expect(try program.run("campaign", "resume", "judged").code == outcome.code)
        let other = try ModelServer()
        _ = try program.write(#"{"question_id": 1, "choices": [{"index": 0, "turns": ["a", "b"]}]}"#, to: "few.jsonl")
        _ = try program.write(
            recipe.replacing("kind: pairwise", with: "kind: pairwise, baseline: few.jsonl").replacing(
                server.base, with: other.base), to: "runs/judged.yaml")
        let lacking = try program.run("campaign", "run", "runs/judged.yaml", "--name", "other")
        #expect(lacking.code == 1 && lacking.errors.contains("few.jsonl"), "\(lacking.errors)")
    }

    @Test func aModelThatCannotBeAskedIsNoticedBeforeAnythingIsTrained() throws {
        let server = try ModelServer("--model", "gpt-4o", "--key", "sk-right-0123456789")
        let program = try program(Self.recipe(server.base, judge: "gpt-5o"))
        defer { program.remove() }
        func refused(_ environment: [String: String] = [:]) throws -> String {
            let outcome = try program.run("campaign", "run", "runs/judged.yaml", environment: environment)
            #expect(outcome.code == 1, "\(outcome.errors)")
            #expect(!FileManager.default.fileExists(atPath: program.folder.path + "/runs/judged"))
            #expect(!outcome.errors.contains("catalogue"))
            return outcome.errors
        }
        #expect(try refused().contains("the judge cannot be asked, so nothing was trained"))
        let keyed = Self.recipe(server.base, judge: "gpt-5o").replacing(
            "endpoint: {", with: "endpoint: {keyEnvironment: JUDGE_KEY, ")
        _ = try program.write(keyed, to: "runs/judged.yaml")
        #expect(try refused(["JUDGE_KEY": "sk-wrong-0123456789"]).contains("refuses the key"))
        #expect(try refused(["JUDGE_KEY": "sk-right-0123456789"]).contains("knows no model gpt-5o"))
        _ = try program.write(Self.recipe("http://127.0.0.1:9/v1"), to: "runs/judged.yaml")
        #expect(try refused().contains("could not be talked to"))
        #expect(try server.counts().answered == 0)
    }
}
