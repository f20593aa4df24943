import Foundation
import Testing

/// `losslab loss rerun` and `loss compare`: a tiny Llama trained here, pairs written here, the archive in between.
@Suite(.serialized) struct RerunCommandTests {
    private struct Record: Decodable {
        struct Figure: Decodable {
            let mean: Double
            let standardError: Double?
        }
        struct Break: Decodable {
            struct Reason: Decodable { let code: String }
            let rejection: Reason
        }
        struct Setting: Decodable, Equatable {
            let learningRate: Double
            let beta: Double
        }
        struct Loss: Decodable {
            let name: String
            let setting: Setting?
            let trainings: Int
            let metrics: [String: Figure]
            let differences: [String: Figure]
            let breaks: [Break]
            let problem: String?
        }
        struct Pairs: Decodable {
            let training: Int
            let choosing: Int
            let scoring: Int
        }
        let id: String
        let against: String
        let seeds: [Int]
        let pairs: Pairs
        let losses: [Loss]
    }

    @Test(arguments: [
        (["rerun", "lrmll", "--dataset", "x.jsonl", "--model", "m"], Int32(65), "did you mean `lrml`"),
        (["rerun", "lrml", "--dataset", "x.jsonl"], 64, "name the model to train with --model"),
        (["rerun", "lrml", "--dataset", "base", "--model", "m"], 64, "loss evaluate lrml dpo --world base"),
        (["rerun", "lrml", "--dataset", "x.jsonl", "--model", "m", "--lr", "0"], 64, "--lr takes numbers above 0"),
        (["rerun", "lrml", "--dataset", "x.jsonl", "--model", "m", "--suite", "mt_bench"], 64, "go together"),
        (["rerun", "lrml", "--dataset", "x", "--model", "m", "--judge", "reward-model:r"], 64, "nothing to grade"),
        (["compare", "dpo", "--dataset", "x.jsonl", "--model", "m"], 64, "at least two different losses"),
        (["rerun", "lrml", "--dataset", "x", "--model", "m", "--track", "board"], 64, "--track board is not one of"),
    ])
    func whatCannotBeDoneIsSaidBeforeAnyTraining(arguments: [String], code: Int32, words: String) throws {
        let program = try Program()
        defer { program.remove() }
        let outcome = try program.run(["loss"] + arguments)
        #expect(outcome.code == code, "\(outcome.errors)")
        #expect(outcome.errors.contains(words), "\(outcome.errors)")
    }

    @Test(.tags(.python, .slow), .enabled(if: Program.hasPython, "needs .venv: make setup"))
    func aRerunComparesAtEachSidesOwnBestSettingAndIsRecorded() throws {
        let program = try Program()
        defer { program.remove() }
        let (pairs, model) = try program.tinyModel()
        let common = ["--dataset", pairs, "--model", model, "--held-out-share", "0.3", "--seeds", "1,2"]
        let command =
            ["loss", "rerun", "hinge-like", "--lr", "1e-3,1e-2", "--beta", "0.1", "--format", "json"] + common
        var arguments = command
        arguments[2] = try hingeLike(in: program)

        let first = try program.run(arguments + ["--track", "tensorboard"])
        #expect(first.code == 0, "\(first.errors)")
        let tracked = program.folder.appending(path: "runs/tracking/dpo-lr0.001-beta0.1-seed1").path
        let logs = try FileManager.default.subpathsOfDirectory(atPath: tracked)
        #expect(logs.contains { $0.contains("tfevents") }, "\(logs)")
        let record = try first.json(Record.self)
        #expect(record.against == "dpo" && record.losses.map(\.name) == ["hinge-like", "dpo"])
        #expect(record.pairs.training + record.pairs.choosing + record.pairs.scoring == 80)
        #expect(record.pairs.choosing > 0 && record.pairs.scoring > 0)
        for loss in record.losses {
            // Two settings with the first seed, the better one with the second.
            #expect(loss.trainings == 3)
            #expect([1e-3, 1e-2].contains(try #require(loss.setting).learningRate))
            for metric in ["accuracy", "margin", "kl", "chosenNll", "chosenNllChange"] {
                #expect(try #require(loss.metrics[metric]).mean.isFinite)
            }
        }
        let hinge = record.losses[0], dpo = record.losses[1]
        let difference = try #require(hinge.differences["accuracy"]?.mean)
        let gap = try #require(hinge.metrics["accuracy"]?.mean) - (try #require(dpo.metrics["accuracy"]?.mean))
        #expect(abs(difference - gap) < 1e-9)
        #expect(dpo.differences.isEmpty)

        let again = try program.run(arguments)
        #expect(again.errors.contains("first seed 4/4, 4 reused"), "\(again.errors)")
        #expect(try again.json(Record.self).id == record.id)

        // A wider grid trains what is new alone; what a loss does not survive is told.
        let compared = try program.run(
            ["loss", "compare", "dpo", "zero", "sign_flipped", "--lr", "1e-3,1e-2", "--beta", "0.1"] + common)
        #expect(compared.code == 0, "\(compared.errors)")
        #expect(compared.errors.contains("first seed 6/6") && compared.errors.contains("2 reused"))
        #expect(compared.output.contains(" answer)") && compared.output.contains("p (Holm)"))
        #expect(compared.output.contains("sign_flipped (control)"))
        #expect(compared.output.contains("Note: training data: columns that are not used: origin (filled in 80 rows)"))

        let listed = try program.run("archive", "reruns")
        #expect(listed.output.contains(record.id) && listed.output.contains("hinge-like"), "\(listed.output)")
        try expectEvidence(of: record.id, in: program)
        try expectAnswersAndWeights(common, in: program)
    }

    /// A loss against itself is one training; its policy answers, and its weights stay.
    private func expectAnswersAndWeights(_ common: [String], in program: Program) throws {
        let questions = try program.write(
            #"{"question_id": 7, "category": "writing", "turns": ["the cat runs", "and why"]}"# + "\n", to: "q.jsonl")
        let saved = program.folder.appending(path: "saved")
        let outcome = try program.run(
            ["loss", "rerun", "dpo", "--lr", "1e-3", "--beta", "0.1", "--max-steps", "1", "--questions", questions]
                + ["--max-new-tokens", "4", "--save", saved.path, "--format", "json"] + common.dropLast(1) + ["1"])
        #expect(outcome.code == 0, "\(outcome.errors)")
        let record = try outcome.json(Record.self)
        #expect(record.losses.map(\.trainings) == [1] && record.pairs.choosing == 0)
        #expect(record.losses[0].metrics["lengthChange"] != nil)
        let answers = program.folder.appending(path: "runs/reruns/\(record.id)/answers/dpo-seed1-sampled.jsonl")
        #expect(try String(contentsOf: answers, encoding: .utf8).contains(#""question_id":7"#))
        let weights = saved.appending(path: "dpo-lr0.001-beta0.1-seed1/weights/model.safetensors")
        #expect(FileManager.default.fileExists(atPath: weights.path))
    }

    @Test(.tags(.python, .slow), .enabled(if: Program.hasPython, "needs .venv: make setup"))
    func aModelFolderThatCannotBeUsedIsOneSentenceAndLeavesNoRecord() throws {
        let program = try Program()
        defer { program.remove() }
        let (pairs, model) = try program.tinyModel()
        let config = URL(fileURLWithPath: model + "/config.json")
        let good = try String(contentsOf: config, encoding: .utf8)
        let changes = [
            (#""rms_norm_eps": NaN"#, "config.json has rms_norm_eps nan"),
            (#""auto_map": {"AutoConfig": "own.Own"}, "model_type": "own""#, "wants code of the folder's own"),
            (#""num_hidden_layers": 2000000"#, "num_hidden_layers 2000000"),
        ]
        for (change, words) in changes {
            // Of two values of one name the last counts.
            let end = try #require(good.lastIndex(of: "}"))
            try (good[..<end] + ", " + change + "}").write(to: config, atomically: true, encoding: .utf8)
            try expectRefusal(program, pairs, model, words)
        }
        try FileManager.default.removeItem(at: config)
        #expect(mkfifo(config.path, 0o600) == 0)
        try expectRefusal(program, pairs, model, "no regular file")
        let archive = program.folder.appending(path: "runs/archive.sqlite")
        let listed = try program.run("archive", "reruns")
        #expect(!FileManager.default.fileExists(atPath: archive.path) || !listed.output.contains("dpo"))
    }

    private func expectRefusal(_ program: Program, _ pairs: String, _ model: String, _ words: String) throws {
        let outcome = try program.run("loss", "rerun", "dpo", "--dataset", pairs, "--model", model, "--seeds", "1")
        #expect(outcome.code == 65, "\(outcome.errors)")
        let said = outcome.errors.split(separator: "\n").filter { $0.hasPrefix("losslab: ") }
        #expect(said.count == 1 && said.first?.contains(words) == true, "\(outcome.errors)")
        #expect(!outcome.errors.contains("Traceback") && outcome.output.isEmpty)
    }

    @Test(.tags(.python, .slow), .enabled(if: Program.hasPython, "needs .venv: make setup"))
    func aBadDataSetIsExit65AndALossThatBreaksEverywhereExit2() throws {
        let program = try Program()
        defer { program.remove() }
        let (pairs, model) = try program.tinyModel()
        let prompts = try program.write(#"{"prompt": "a", "completion": "b"}"# + "\n", to: "prompts.jsonl")
        let bad = try program.run("loss", "rerun", "lrml", "--dataset", prompts, "--model", model)
        #expect(bad.code == 65, "\(bad.errors)")
        #expect(bad.errors.contains("prompts.jsonl"), "\(bad.errors)")

        let broken = try program.write(
            """
            # ---
            # name: breaks
            # origin: discovered
            # beta: 0.05
            # ---
            import os
            def loss(policy_chosen_logps, policy_rejected_logps, reference_chosen_logps, reference_rejected_logps, beta):
                return (policy_chosen_logps - policy_rejected_logps) * beta
            """, to: "breaks.py")
        let outcome = try program.run(
            "loss", "rerun", broken, "--dataset", pairs, "--model", model, "--lr", "1e-3", "--beta", "0.1", "--seeds",
            "1", "--max-steps", "1")
        #expect(outcome.code == 2, "\(outcome.errors)")
        #expect(outcome.output.contains("breaks: rejected by screening"), "\(outcome.output)")
    }

    /// The archive's rows and the rerun's file agree, and either can be lost.
    private func expectEvidence(of id: String, in program: Program) throws {
        #expect(try program.run("archive", "verify").code == 0)
        let archive = program.folder.appending(path: "runs/archive.sqlite")
        try FileManager.default.removeItem(at: archive)
        let rebuilt = try program.run("archive", "rebuild")
        #expect(rebuilt.output.contains("2 reruns"), "\(rebuilt.output)")
        #expect(try program.run("archive", "verify").code == 0)
        #expect(try program.run("archive", "export").output.contains(id))
        let file = program.folder.appending(path: "runs/reruns/\(id)/rerun.json")
        let text = try String(contentsOf: file, encoding: .utf8)
        try Data(text.replacing("hinge-like", with: "other").utf8).write(to: file)
        let changed = try program.run("archive", "verify")
        #expect(changed.code == 1 && changed.output.contains("differs from what was recorded"), "\(changed.output)")
        try FileManager.default.removeItem(at: file)
        #expect(try program.run("archive", "verify").output.contains("is gone"))
    }

    /// A loss that is in no catalogue.
    private func hingeLike(in program: Program) throws -> String {
        try program.write(
            """
            # ---
            # name: hinge-like
            # origin: discovered
            # beta: 0.05
            # ---
            import torch
            def loss(policy_chosen_logps, policy_rejected_logps, reference_chosen_logps, reference_rejected_logps, beta):
                chosen = policy_chosen_logps - reference_chosen_logps
                rejected = policy_rejected_logps - reference_rejected_logps
                return torch.relu(1.5 - beta * (chosen - rejected))
            """, to: "hinge.py")
    }
}
