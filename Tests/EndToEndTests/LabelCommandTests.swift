import Foundation
import Testing

/// `losslab data label`, and what is done with its pairs: a rerun graded by the same classifier, its score against KL.
@Suite(.serialized) struct LabelCommandTests {
    private struct Labelled: Decodable {
        struct Mean: Decodable { let value: Double }
        let prompts: Int
        let heldOut: Int
        let dropped: [String: Int]
        let answers: Int
        let pairs: Int
        let ties: Int
        let identical: Int
        let score: Mean
        let margin: Mean?
        let unit: String
        let layout: String
    }

    private struct Record: Decodable {
        struct Frontier: Decodable {
            struct Point: Decodable {
                struct Setting: Decodable, Hashable { let beta: Double }
                struct Figure: Decodable {
                    let mean: Double
                    let standardError: Double?
                }
                let loss: String
                let setting: Setting
                let score: Figure
                let kl: Figure
                let seeds: Int
                let onFront: Bool
            }
            let points: [Point]
            let scoreOf: String
            let klOf: String
        }
        let id: String
        let frontier: Frontier?
    }

    @Test(arguments: [
        (["--judge", "gpt-4"], Int32(64), "--judge is reward-model:FOLDER or classifier:FOLDER:LABEL"),
        (["--judge", "classifier:c"], 64, "a classifier needs the class that counts"),
        (["--judge", "reward-model:r", "--samples", "1"], 64, "--samples is at least 2"),
        (["--judge", "reward-model:r", "--prompt-tokens", "8-2"], 64, "such as 8 or 2-8"),
        (["--judge", "reward-model:r", "--hold-out", "3"], 64, "--hold-out and --questions go together"),
        (["--judge", "reward-model:r", "--output", "losses/a"], 65, "losses/a exists"),
        (["--judge", "reward-model:r", "--output", "nowhere/a"], 65, "there is no folder"),
    ])
    func whatCannotBeDoneIsSaidBeforeAnyWork(arguments: [String], code: Int32, words: String) throws {
        let program = try Program()
        defer { program.remove() }
        let folder = program.folder.appending(path: "losses")
        try FileManager.default.removeItem(at: folder)
        try FileManager.default.createDirectory(at: folder.appending(path: "a"), withIntermediateDirectories: true)
        let output = arguments.contains("--output") ? [] : ["--output", "pairs.jsonl"]
        let outcome = try program.run(["data", "label", "p.jsonl", "--model", "m"] + output + arguments)
        #expect(outcome.code == code, "\(outcome.errors)")
        #expect(outcome.errors.contains(words), "\(outcome.errors)")
    }

    @Test(.tags(.python, .slow), .enabled(if: Program.hasPython, "needs .venv: make setup"))
    func pairsAreMadeAndARerunOnThemDrawsItsFrontier() throws {
        let program = try Program()
        defer { program.remove() }
        try makeModels(in: program)
        let judge = "classifier:\(program.folder.path)/classifier:good"
        let common = ["--model", "plain", "--judge", judge, "--max-new-tokens", "6", "--device", "cpu"]
        let first = try program.run(
            ["data", "label", "prompts.jsonl", "--output", "pairs.jsonl", "--pairing", "all", "--hold-out", "3"]
                + ["--questions", "question.jsonl", "--format", "json"] + common)
        #expect(first.code == 0, "\(first.errors)")
        let labelled = try first.json(Labelled.self)
        #expect(labelled.prompts == 6 && labelled.heldOut == 3 && labelled.answers == 24)
        #expect(labelled.dropped == ["duplicate": 1, "empty": 1])
        #expect(labelled.pairs + labelled.ties + labelled.identical == 6 * 6 && labelled.pairs > 6)
        #expect(labelled.layout == "explicit-plain" && labelled.unit == "probability of good")
        #expect(try #require(labelled.margin).value > 0)
        let again = try program.run(["data", "label", "prompts.jsonl", "--output", "pairs.jsonl"] + common)
        #expect(again.code == 65 && again.errors.contains("exists"), "\(again.errors)")
        let tied = try program.run(
            ["data", "label", "prompts.jsonl", "--output", "none.jsonl", "--tie-margin", "1"] + common)
        #expect(tied.code == 2 && tied.output.contains("9 ties"), "\(tied.output) \(tied.errors)")
        let bad = try program.run(
            ["data", "label", "prompts.jsonl", "--output", "bad.jsonl", "--column", "text"] + common)
        #expect(bad.code == 65 && bad.errors.contains("has no column text"), "\(bad.errors)")
        try expectFrontier(judge, in: program)
        try expectSweep(in: program)
    }

    /// The recipe of the published experiment, with the models and pairs made here and little of everything.
    private func expectSweep(in program: Program) throws {
        let file = Program.repository.appending(path: "runs/imdb.yaml")
        var recipe = try String(contentsOf: file, encoding: .utf8)
        // Four questions are the least of which half can be kept for a confirmation.
        let questions = (1...4).map { #"{"question_id": \#($0), "category": "prompts", "turns": ["the cat \#($0)"]}"# }
        _ = try program.write(questions.joined(separator: "\n"), to: "four.jsonl")
        for (old, new) in [
            ("runs/imdb-data/gpt2-imdb", "plain"), ("runs/imdb-data/pairs.jsonl", "pairs.jsonl"),
            ("runs/imdb-data/question.jsonl", "four.jsonl"), ("runs/imdb-data/distilbert-imdb", "classifier"),
            ("label: POSITIVE", "label: good"),
            ("[dpo, slic, lrml, padll, aqfl, aql, dbaql, cell, pfl]", "[dpo, lrml]"),
            ("[0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5]", "[0.1, 1]"), ("pairs: 10000", "pairs: 16"),
            ("fullSeeds: [1, 2, 3]", "fullSeeds: [1, 2]"), ("maxNewTokens: 48", "maxNewTokens: 4"),
            ("maxLength: 128", "maxLength: 32"), ("batchSize: 64", "batchSize: 8"), ("epochs: 3", "epochs: 1"),
        ] {
            #expect(recipe.contains(old), "\(old)")
            recipe = recipe.replacing(old, with: new)
        }
        _ = try program.write(recipe, to: "runs/imdb.yaml")
        let outcome = try program.run("campaign", "run", "runs/imdb.yaml")
        #expect(outcome.code == 0, "\(outcome.errors)")
        #expect(outcome.output.contains("4 points of 2 losses"), "\(outcome.output)")
        #expect(outcome.output.contains("probabilities of good") && outcome.output.contains("log-ratio"))
        let own = try String(
            contentsOf: program.folder.appending(path: "runs/imdb/report.md"), encoding: .utf8)
        #expect(own.split(separator: "\n").count { $0.hasPrefix("| front | ") } >= 1)
        let plotted = try program.run("campaign", "plot", "imdb", "--output", "imdb.svg", "--format", "json")
        #expect(plotted.code == 0, "\(plotted.errors)")
        let points = try plotted.json(Record.Frontier.self).points
        #expect(points.count == 4 && points.allSatisfy { $0.seeds == 2 && $0.kl.standardError != nil })
        let pictures = try ["imdb.svg", "runs/imdb/frontier.svg"].map {
            try Data(contentsOf: program.folder.appending(path: $0))
        }
        #expect(pictures[0] == pictures[1])
        let unknown = try program.run("campaign", "plot", "imdb", "--output", "b.svg", "--losses", "dppo")
        #expect(unknown.code == 65 && unknown.errors.contains("there are dpo, lrml"), "\(unknown.errors)")
    }

    /// Every setting is a point, with the classifier's score and the KL of the policy's own answers.
    private func expectFrontier(_ judge: String, in program: Program) throws {
        let arguments = [
            "loss", "rerun", "slic", "--dataset", "pairs.jsonl", "--model", "plain", "--held-out-share", "0.4",
            "--seeds", "1,2", "--lr", "1e-2", "--beta", "0.1,0.5", "--max-length", "32", "--questions",
            "question.jsonl", "--max-new-tokens", "6", "--judge", judge, "--batch-size", "8",
        ]
        let outcome = try program.run(arguments + ["--format", "json"])
        #expect(outcome.code == 0, "\(outcome.errors)")
        let record = try outcome.json(Record.self)
        let frontier = try #require(record.frontier)
        #expect(Set(frontier.points.map { "\($0.loss) \($0.setting.beta)" }).count == 4 && frontier.points.count == 4)
        #expect(frontier.scoreOf == "mean probability of good" && frontier.klOf.contains("log-ratio"))
        #expect(frontier.points.map(\.kl.mean) == frontier.points.map(\.kl.mean).sorted())
        #expect(frontier.points.allSatisfy { (0...1).contains($0.score.mean) && $0.score.standardError != nil })
        // Each loss's best setting has both seeds, the other the first.
        #expect(frontier.points.map(\.seeds).sorted() == [1, 1, 2, 2])
        #expect(frontier.points.first?.onFront == true)
        let picture = program.folder.appending(path: "runs/reruns/\(record.id)/frontier.svg")
        let drawn = try Data(contentsOf: picture)
        let shown = try program.run("archive", "reruns", record.id, "--output", "again.svg")
        #expect(shown.code == 0, "\(shown.errors)")
        #expect(shown.output.contains("score against KL") && shown.output.contains("front"), "\(shown.output)")
        #expect(try Data(contentsOf: program.folder.appending(path: "again.svg")) == drawn)
        #expect(try program.run("archive", "verify").code == 0)
    }

    /// A policy, a classifier and prompts, from the Python tests' own maker.
    private func makeModels(in program: Program) throws {
        let process = Process()
        process.executableURL = Program.repository.appending(path: ".venv/bin/python")
        process.arguments = ["-m", "tiny_judge", program.folder.path]
        let paths = ["Sources/Trainer/python", "Tests/TrainerPythonTests"]
        process.environment = [
            "PYTHONPATH": paths.map { Program.repository.appending(path: $0).path }.joined(separator: ":"),
            "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "HOME": program.folder.path, "PATH": "/usr/bin:/bin",
        ]
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0)
    }
}
