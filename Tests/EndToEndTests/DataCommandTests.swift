import Foundation
import Testing

/// `losslab data inspect`, `loss export` and `system estimate`: exit codes, JSON, and what people read.
@Suite(.enabled(if: Program.hasPython, "needs .venv: make setup")) struct DataCommandTests {
    private struct Inspection: Decodable {
        struct Finding: Decodable, Equatable {
            let row: Int
            let reason: String
        }
        struct Shared: Decodable {
            let rows: [Int]
        }

        let layout: String
        let rows: Int
        let usable: Int
        let unusable: [Finding]
        let flagged: [Finding]
        let longerWins: Double?
        let sharedPrompts: [Shared]
    }

    private static let pairs = """
        {"question": "Which fish?", "chosen": "A long-lived carp.", "rejected": "A pike."}
        {"question": "Which bird?", "chosen": "", "rejected": "A crow."}
        {"question": "Which tree?", "chosen":
        {"question": "Which cat?", "chosen": "A lynx.", "rejected": "A lynx."}
        {"question": "Which dog?", "chosen": "A fox.\\u0007", "rejected": "No idea, sorry."}
        """

    @Test(.tags(.python)) func everyRowIsUsableOrNamedWithItsReason() throws {
        let program = try Program()
        defer { program.remove() }
        let file = try program.write(Self.pairs, to: "pairs.jsonl")
        let other = try program.write(
            #"{"prompt": "Which dog?", "chosen": "This.", "rejected": "That."}"#, to: "other.jsonl")
        let outcome = try program.run(
            "data", "inspect", file, "--map", "prompt=question", "--against", other, "--format", "json")
        #expect(outcome.code == 0, "\(outcome.errors)")
        let found = try outcome.json(Inspection.self)
        #expect(found.layout == "explicit-plain")
        #expect((found.rows, found.usable) == (5, 2))
        #expect(
            found.unusable == [
                .init(row: 1, reason: "empty"), .init(row: 2, reason: "malformed"), .init(row: 3, reason: "identical"),
            ])
        #expect(
            found.flagged == [
                .init(row: 4, reason: "control-characters"), .init(row: 4, reason: "shared-prompt"),
            ])
        #expect(found.longerWins == 0.5)
        #expect(found.sharedPrompts.map(\.rows) == [[4]])
        let table = try program.run("data", "inspect", "pairs.jsonl", "--map", "prompt=question")
        #expect(table.output.contains("explicit-plain, 5 rows, 2 usable, 3 not"), "\(table.output)")
        #expect(table.output.contains("identical"))
    }

    @Test(
        .tags(.python),
        arguments: [
            (["pairs.jsonl"], "choose with --map prompt=question or --layout implicit-plain"),
            (["none.jsonl"], "there is no file or folder"),
            (["pairs.jsonl", "--map", "prompt=title"], "has no column title"),
            (["useless.jsonl"], "no row of"),
        ])
    func whatCannotBeUsedIsOneLineAndExitCode65(arguments: [String], words: String) throws {
        let program = try Program()
        defer { program.remove() }
        _ = try program.write(Self.pairs, to: "pairs.jsonl")
        _ = try program.write(#"{"prompt": "a", "chosen": "b", "rejected": "b"}"#, to: "useless.jsonl")
        let outcome = try program.run(["data", "inspect"] + arguments)
        #expect(outcome.code == 65)
        #expect(outcome.errors.contains(words), "\(outcome.errors)")
        #expect(outcome.errors.split(separator: "\n").count == 1)
    }

    @Test(.tags(.python)) func rowsAreShownAsTheyAreTrained() throws {
        struct Shown: Decodable {
            struct Stretch: Decodable {
                let text: String
                let trained: Bool
                let ids: [Int]
            }
            struct Row: Decodable {
                let row: Int
                let chosen: [Stretch]
            }
            struct Column: Decodable, Equatable {
                let name: String
                let rows: Int
            }
            let asTrained: [Row]
            let unusedColumns: [Column]
        }
        let program = try Program()
        defer { program.remove() }
        let rows = (1...4).map {
            #"{"prompt": "write poem w\#($0)", "chosen": "of sea", "rejected": "of night", "id": \#($0)}"#
        }
        let file = try program.write(rows.joined(separator: "\n"), to: "pairs.jsonl")
        let policy = Program.repository.appending(path: "evaluation/microbench/base/policy").path
        let command = ["data", "inspect", file, "--tokenizer", policy, "--show", "2"]
        let shown = try program.run(command + ["--format", "json"]).json(Shown.self)
        #expect(shown.asTrained.map(\.row) == [0, 3])
        #expect(shown.asTrained.first?.chosen.map(\.trained) == [false, true])
        #expect(shown.asTrained.first?.chosen.last?.ids.isEmpty == false)
        #expect(shown.unusedColumns == [.init(name: "id", rows: 4)])
        let text = try program.run(command)
        let trained = shown.asTrained.first?.chosen.last?.text ?? "nothing"
        #expect(text.output.contains("⟦\(trained)⟧"), "\(text.output)")
        #expect(text.output.contains("columns that are not used: id (filled in 4 rows)"))
        #expect(text.output.contains("unknown-token"))  // w1 is no word of the policy's
    }

    @Test func optionsThatMeanNothingAreUsageErrors() throws {
        let program = try Program()
        defer { program.remove() }
        for arguments in [
            ["data", "inspect", "a.jsonl", "--max-length", "10"], ["data", "inspect", "a.jsonl", "--map", "prompt"],
            ["data", "inspect", "a.jsonl", "--show", "3"],
            ["system", "estimate"], ["system", "estimate", "--model", "m"], ["loss", "export", "dpo", "--to", "onnx"],
        ] {
            #expect(try program.run(arguments).code == 64, "\(arguments)")
        }
    }

    @Test(.tags(.python)) func anExportedLossComesBackTheSame() throws {
        let program = try Program()
        defer { program.remove() }
        struct Checked: Decodable {
            struct Screening: Decodable {
                struct Fingerprint: Decodable { let hash: String }
                let fingerprint: Fingerprint?
            }
            let screening: Screening
        }
        #expect(try program.run("loss", "export", "aql", "--to", "discopop", "--output", "aql_method.py").code == 0)
        #expect(try program.run("loss", "import", "aql_method.py", "--output", "aql_back.py").code == 0)
        let original = Program.repository.appending(path: "losses/published/aql.py").path
        let checked = try program.run("loss", "check", original, "aql_back.py", "--format", "json").json([Checked].self)
        #expect(checked.count == 2)
        #expect(checked[0].screening.fingerprint != nil)
        #expect(checked[0].screening.fingerprint?.hash == checked[1].screening.fingerprint?.hash)
        let trl = try program.run("loss", "export", "aql_back.py", "--to", "trl")
        #expect(trl.output.contains("class AqlTrainer(DPOTrainer):"), "\(trl.errors)")
        #expect(try program.run("loss", "export", "aql", "--to", "trl", "--output", "aql_back.py").code == 65)
        let unknown = try program.run("loss", "export", "aqlx", "--to", "trl")
        #expect(unknown.code == 65)
        #expect(unknown.errors.contains("did you mean `aql`"), "\(unknown.errors)")
    }

    @Test(.tags(.python)) func aModelsMemoryIsCountedBeforeItIsTrained() throws {
        struct Estimate: Decodable {
            struct Part: Decodable {
                let part: String
                let bytes: Int
                let basis: String
            }
            struct Model: Decodable { let parameters: Int }
            let model: Model
            let memory: [Part]
            let totalBytes: Int
        }
        let program = try Program()
        defer { program.remove() }
        let rows = (1...20).map { #"{"prompt": "w\#($0)", "chosen": "yes yes", "rejected": "no"}"# }
        let file = try program.write(rows.joined(separator: "\n"), to: "pairs.jsonl")
        let policy = Program.repository.appending(path: "evaluation/microbench/base/policy").path
        let outcome = try program.run(
            "system", "estimate", "--model", policy, "--dataset", file, "--flops", "1e12", "--device", "cpu",
            "--format",
            "json")
        #expect(outcome.code == 0, "\(outcome.errors)")
        let estimate = try outcome.json(Estimate.self)
        let bytes = Dictionary(uniqueKeysWithValues: estimate.memory.map { ($0.part, $0.bytes) })
        #expect(bytes["weights"] == 4 * estimate.model.parameters)
        #expect(bytes["optimizer"] == 8 * estimate.model.parameters)
        #expect(estimate.totalBytes == estimate.memory.reduce(0) { $0 + $1.bytes })
        let missing = try program.run("system", "estimate", "--model", "nowhere", "--dataset", file)
        #expect(missing.code == 65)
        #expect(missing.errors.contains("nowhere"), "\(missing.errors)")
    }

    @Test(.tags(.python, .slow)) func aCampaignsTrainingsAreCountedAndTimed() throws {
        struct Estimate: Decodable {
            struct Part: Decodable {
                let part: String
                let trials: Int
                let secondsEach: Double
                let basis: String
            }
            let trials: Int
            let parts: [Part]
        }
        let program = try Program()
        defer { program.remove() }
        let recipe = try program.write(
            """
            name: small
            world: base
            transferWorld: none
            catalogue: [dpo]
            budget: { candidates: 4, generationSize: 2 }
            tuning:
              pairs: 64
              fullSeeds: [1, 2, 3]
              fullSettings: 1
              grid: { learningRates: [0.001], betas: [0.05, 0.1] }
            confirmation: { finalists: 1, catalogueLosses: 1, seeds: [101, 102] }
            """, to: "small.yaml")
        let outcome = try program.run("system", "estimate", recipe, "--format", "json")
        #expect(outcome.code == 0, "\(outcome.errors)")
        let estimate = try #require(try outcome.json([Estimate].self).first)
        // DPO: 2 settings and 2 more seeds of one. Candidates: smoke, 2 settings; half of them 2 more seeds.
        let expected = ["catalogue": 4, "search, smoke": 4, "search, proxy": 8, "search, full": 4, "confirmation": 12]
        #expect(Dictionary(uniqueKeysWithValues: estimate.parts.map { ($0.part, $0.trials) }) == expected)
        #expect(estimate.parts.allSatisfy { $0.secondsEach > 0 && !$0.basis.isEmpty })
        #expect(estimate.parts.first?.basis == "measured now")
    }
}
