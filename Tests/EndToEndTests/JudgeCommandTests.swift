import Foundation
import LoopbackServers
import LabCore
import Testing

/// `losslab judge` and `losslab evaluation fetch`: the real program against real judgments behind a local server.
@Suite(.enabled(if: JudgeData.isThere, "../shared/data is absent: skipped")) struct JudgeCommandTests {
    private struct Score: Decodable {
        let model: String
        let score: Double?
        let turn1: Double?
        let turn2: Double?
        let standardError: Double?
        let categories: [String: Double]
        let questions: Int
        let unparsed: Int
        let unparsedReasons: [String: Int]
        let cost: Double?
        let flagged: Int
        let reused: Int
        let judgments: String
    }

    private struct Expected: Decodable {
        struct Model: Decodable {
            let turn1: Double
            let turn2: Double
            let average: Double
        }
        let models: [String: Model]
    }

    private func judge(_ program: Program, _ server: FixtureServer, _ model: String, _ more: [String] = []) throws
        -> Program.Outcome
    {
        try program.run(
            [
                "judge", "run", "--suite", JudgeData.mtBench, "--answers",
                "\(JudgeData.mtBench)/model_answer/\(model).jsonl",
                "--judge", "gpt-4", "--base-url", "http://127.0.0.1:\(server.port)/\(model)/v1", "--out", "out",
                "--concurrency", "16", "--format", "json",
            ] + more)
    }

    @Test func realScoresComeOutOfTheProgramAndASecondRunAsksNothing() throws {
        let program = try Program()
        defer { program.remove() }
        let server = try FixtureServer.recordedJudge()
        defer { server.stop() }
        let prices = try program.write("gpt-4*: {prompt: 30, completion: 60}\n", to: "prices.yaml")
        let expected = try JSONDecoder().decode(
            Expected.self, from: Data(contentsOf: URL(filePath: JudgeData.mtBench + "/scores.json"))
        ).models
        let model = "mamba_0_5_dpo_ep1"
        let outcome = try judge(program, server, model, ["--prices", prices])
        #expect(outcome.code == 0, "\(outcome.errors)")
        let score = try outcome.json(Score.self)
        let wanted = try #require(expected[model])
        #expect(score.model == model)
        #expect(abs(try #require(score.score) - wanted.average) < 1e-9)
        #expect(abs(try #require(score.turn1) - wanted.turn1) < 1e-9)
        #expect(abs(try #require(score.turn2) - wanted.turn2) < 1e-9)
        #expect(score.questions == 80 && score.unparsed == 0 && score.categories.count == 8)
        #expect((0.3...0.4).contains(try #require(score.standardError)))
        #expect(score.reused == 0)
        server.stop()
        let again = try judge(program, server, model, ["--prices", prices])
        #expect(again.code == 0, "\(again.errors)")
        #expect(try again.json(Score.self).reused == 160)
        #expect(try again.json(Score.self).score == score.score)
        #expect(try again.json(Score.self).cost == score.cost)
    }

    @Test func twoRunsAreComparedWithTheirIntervalAndNoWinnerIsDeclaredWithinNoise() throws {
        struct Comparison: Decodable {
            let difference: Double
            let standardError: Double
            let interval: [Double]
            let pValue: Double
            let significant: Bool
            let verdict: String
        }
        let program = try Program()
        defer { program.remove() }
        let record = try JudgeData.unpackedRecord(in: program)
        func compare(_ a: String, _ b: String) throws -> Comparison {
            let outcome = try program.run(
                "judge", "compare", record, record, "--model-a", a, "--model-b", b, "--format", "json")
            #expect(outcome.code == 0, "\(outcome.errors)")
            return try outcome.json()
        }
        let close = try compare("mamba_0_5_dpo_ep1", "mamba_0_75_dpo_ep1")
        #expect(abs(close.difference - 0.0875) < 1e-9)
        #expect(abs(close.standardError / 0.2138 - 1) < 0.05)
        #expect(!close.significant && close.pValue > 0.5)
        #expect(close.verdict.contains("No difference shown"))
        let far = try compare("claude-3-opus-20240229", "gemma-SFT")
        #expect(far.significant && far.pValue < 1e-6 && far.interval[0] > 4)
        let unnamed = try program.run("judge", "compare", record, record)
        #expect(unnamed.code == 65)
        #expect(unnamed.errors.contains("--model-a"))
    }

    @Test func calibrationFromFilesGivesTheGapTheSuiteResolves() throws {
        struct Calibration: Decodable {
            let models: Int
            let scoreStandardError: Double
            let resolvableGap: Double
            let resolvableGapAt80Power: Double
        }
        let program = try Program()
        defer { program.remove() }
        let record = try JudgeData.unpackedRecord(in: program)
        let outcome = try program.run("judge", "calibrate", record, "--format", "json")
        #expect(outcome.code == 0, "\(outcome.errors)")
        let calibration = try outcome.json(Calibration.self)
        #expect(calibration.models == 17)
        #expect((0.31...0.36).contains(calibration.scoreStandardError))
        #expect((0.4...0.65).contains(calibration.resolvableGap))
        #expect(abs(calibration.resolvableGapAt80Power / calibration.resolvableGap - 2.8016 / 1.96) < 0.01)
        let table = try program.run("judge", "calibrate", record)
        #expect(table.output.contains("is found four times in five"))
    }

    @Test func judgingTwiceMeasuresTheJudgesOwnNoise() throws {
        struct Calibration: Decodable {
            struct Rejudging: Decodable {
                let requests: Int
                let identical: Double
                let sdOfOneRating: Double
            }
            let questions: Int
            let rejudging: Rejudging?
            let pairedErrorMeasured: Bool
            let scoreStandardError: Double
        }
        let program = try Program()
        defer { program.remove() }
        let server = try FixtureServer.recordedJudge()
        defer { server.stop() }
        let model = "claude-3-opus-20240229"
        let outcome = try program.run(
            "judge", "calibrate", "--suite", JudgeData.mtBench, "--answers",
            "\(JudgeData.mtBench)/model_answer/\(model).jsonl", "--judge", "gpt-4", "--base-url",
            "http://127.0.0.1:\(server.port)/\(model)/v1", "--questions", "16", "--out", "twice", "--format", "json")
        #expect(outcome.code == 0, "\(outcome.errors)")
        let calibration = try outcome.json(Calibration.self)
        // A recorded judge repeats itself; the errors are given for all 80 questions.
        #expect(calibration.rejudging?.requests == 32)
        #expect(calibration.rejudging?.identical == 1)
        #expect(calibration.rejudging?.sdOfOneRating == 0)
        #expect(calibration.questions == 80)
        #expect(!calibration.pairedErrorMeasured)
        #expect((0.05...0.5).contains(calibration.scoreStandardError))
    }

    @Test func aJudgeWhoCountsWordsGivesALeadThatVanishesAtEqualLength() throws {
        struct Score: Decodable {
            let model: String
            let questions: Int
            let winRate: Double
            let lengthControlledWinRate: Double
            let lengthControlledInterval: [Double]
            let lengthEffect: Double
            let bradleyTerryWinRate: Double
            let firstPlaceShare: Double
            let ordersAgree: Double
            let unparsed: Int
        }
        let program = try Program()
        defer { program.remove() }
        let server = try FixtureServer(fixture: "recorded_judge/longer_wins.py")
        defer { server.stop() }
        // Real answers of two models to MT-Bench's questions, under Arena-Hard's prompt.
        let data = URL(filePath: JudgeData.mtBench).deletingLastPathComponent()
        for (file, place) in [
            ("arena_hard/judge_config.yaml", "pairs/judge_config.yaml"),
            ("mt_bench/question.jsonl", "pairs/question.jsonl"),
        ] {
            _ = try program.write(String(contentsOf: data.appending(path: file), encoding: .utf8), to: place)
        }
        let arguments = [
            "judge", "pairwise", "--suite", "./pairs", "--answers",
            "\(JudgeData.mtBench)/model_answer/claude-3-opus-20240229.jsonl", "--baseline",
            "\(JudgeData.mtBench)/model_answer/ultrachat_baseline.jsonl", "--judge", "counter", "--base-url",
            "http://127.0.0.1:\(server.port)/v1", "--out", "pairwise", "--bootstrap", "200",
        ]
        let outcome = try program.run(arguments + ["--format", "json"])
        #expect(outcome.code == 0, "\(outcome.errors)")
        let score = try #require(try outcome.json([Score].self).first)
        #expect(score.questions == 80 && score.unparsed == 0)
        #expect(score.winRate > 0.6)
        #expect(score.bradleyTerryWinRate > 0.6)
        #expect(score.ordersAgree == 1)
        #expect(abs(score.firstPlaceShare - 0.5) < 1e-12)
        #expect(score.lengthEffect > 3)
        #expect(score.lengthControlledInterval[0] < 0.55 && score.lengthControlledInterval[1] > 0.45)
        #expect(score.lengthControlledWinRate < score.winRate - 0.1)
        server.stop()
        let table = try program.run(arguments)
        #expect(table.code == 0, "\(table.errors)")
        #expect(table.output.contains("equal length %"))
    }

    @Test func aSuiteIsInstalledFromAFolderAndOnlyWithThePinnedFiles() throws {
        let program = try Program()
        defer { program.remove() }
        // A folder of its own: the repository's evaluation folder is not to be written to.
        try FileManager.default.removeItem(at: program.folder.appending(path: "evaluation"))
        for suite in ["mt_bench", "arena_hard"] {
            let manifest = Program.repository.appending(path: "evaluation/\(suite)/manifest.json")
            _ = try program.write(
                String(contentsOf: manifest, encoding: .utf8), to: "evaluation/\(suite)/manifest.json")
        }
        let fetched = try program.run("evaluation", "fetch", "mt_bench", "--from", JudgeData.mtBench)
        #expect(fetched.code == 0, "\(fetched.errors)")
        let place = program.folder.appending(path: "evaluation/mt_bench/judge_prompts.jsonl")
        #expect(
            try Data(contentsOf: place) == Data(contentsOf: URL(filePath: JudgeData.mtBench + "/judge_prompts.jsonl")))
        #expect(try program.run("evaluation", "fetch", "mt_bench").output.contains("is installed"))
        try Data("changed".utf8).write(to: place)
        let changed = try program.run("evaluation", "fetch", "mt_bench", "--from", JudgeData.mtBench)
        #expect(changed.code == 65 && changed.errors.contains("--force"))
        let forced = try program.run("evaluation", "fetch", "mt_bench", "--from", JudgeData.mtBench, "--force")
        #expect(forced.code == 0, "\(forced.errors)")
        let wrong = try program.run("evaluation", "fetch", "arena_hard", "--from", JudgeData.mtBench)
        #expect(wrong.code == 65 && wrong.errors.contains("pinned is"))
        #expect(
            !FileManager.default.fileExists(
                atPath: program.folder.appending(path: "evaluation/arena_hard/question.jsonl").path))
        let unknown = try program.run("evaluation", "fetch", "mtbench")
        #expect(unknown.code == 65 && unknown.errors.contains("mt_bench"))
    }

    @Test func aDownloadIsKeptOnlyWithThePinnedChecksum() throws {
        let program = try Program()
        defer { program.remove() }
        try FileManager.default.removeItem(at: program.folder.appending(path: "evaluation"))
        // Serves one file, whatever is asked for.
        let text = "{\"question_id\": 1, \"turns\": [\"one?\"]}\n"
        let script = """
            import http.server, sys, threading
            class H(http.server.BaseHTTPRequestHandler):
                def do_GET(self):
                    self.send_response(200); self.send_header("Content-Length", str(len(TEXT))); self.end_headers()
                    self.wfile.write(TEXT)
                def log_message(self, *a): pass
            TEXT = sys.argv[1].encode()
            s = http.server.ThreadingHTTPServer(("127.0.0.1", 0), H)
            print(s.server_address[1], flush=True)
            threading.Thread(target=lambda: (sys.stdin.read(), s.shutdown()), daemon=True).start()
            s.serve_forever()
            """
        let server = try FixtureServer(["python3", "-c", script, text])
        defer { server.stop() }
        func manifest(_ sha256: String) throws {
            _ = try program.write(
                """
                {"name": "tiny", "title": "Tiny", "kind": "single",
                 "source": {"repository": "r", "commit": "c", "licence": "l"},
                 "files": [{"path": "question.jsonl", "url": "http://127.0.0.1:\(server.port)/q", "sha256": "\(sha256)",
                            "bytes": \(text.utf8.count)}]}
                """, to: "evaluation/tiny/manifest.json")
        }
        let place = program.folder.appending(path: "evaluation/tiny/question.jsonl")
        try manifest(String(repeating: "0", count: 64))
        let refused = try program.run("evaluation", "fetch", "tiny")
        #expect(refused.code == 1 && refused.errors.contains("nothing was kept"), "\(refused.errors)")
        #expect(!FileManager.default.fileExists(atPath: place.path))
        try manifest(ContentHash.sha256(text))
        let fetched = try program.run("evaluation", "fetch", "tiny", "--format", "json")
        #expect(fetched.code == 0, "\(fetched.errors)")
        #expect(try String(contentsOf: place, encoding: .utf8) == text)
        #expect(fetched.output.contains("\"state\" : \"installed\""))
    }

    @Test func aKilledRunGoesOnWhereItEnded() throws {
        let program = try Program()
        defer { program.remove() }
        let server = try FixtureServer.recordedJudge(latency: 0.05)
        defer { server.stop() }
        let model = "ultrachat_sai"
        let errors = program.folder.appending(path: "errors")
        let process = try program.start(
            [
                "judge", "run", "--suite", JudgeData.mtBench, "--answers",
                "\(JudgeData.mtBench)/model_answer/\(model).jsonl", "--judge", "gpt-4", "--base-url",
                "http://127.0.0.1:\(server.port)/\(model)/v1", "--out", "out", "--concurrency", "4",
            ], output: program.folder.appending(path: "output"), errors: errors)
        let file = program.folder.appending(path: "out/gpt-4_single.jsonl")
        func rows() -> Int {
            (try? String(contentsOf: file, encoding: .utf8))?.split(separator: "\n").count ?? 0
        }
        let deadline = ContinuousClock.now + .seconds(60)
        while rows() < 20, ContinuousClock.now < deadline { usleep(20_000) }
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
        let before = rows()
        #expect((20..<160).contains(before))
        let outcome = try judge(program, server, model)
        #expect(outcome.code == 0, "\(outcome.errors)")
        let score = try outcome.json(Score.self)
        #expect((before - 1...before).contains(score.reused))
        #expect(abs(try #require(score.score) - 6.675) < 1e-9)
        #expect(rows() == 160)
        // Asked twice at most what was in flight when it was killed.
        #expect((160...164).contains(try server.served()))
    }

    @Test func badInputIsToldInOneLine() throws {
        let program = try Program()
        defer { program.remove() }
        let answers = "\(JudgeData.mtBench)/model_answer/gemma-SFT.jsonl"
        let base = ["judge", "run", "--judge", "j", "--base-url", "http://127.0.0.1:9/v1", "--out", "out"]
        let missing = try program.run(base + ["--suite", "nosuite", "--answers", answers])
        #expect(missing.code == 65 && missing.errors.contains("losslab evaluation fetch nosuite"))
        let noAnswers = try program.run(base + ["--suite", JudgeData.mtBench, "--answers", "nowhere.jsonl"])
        #expect(noAnswers.code == 65 && noAnswers.errors.contains("nowhere.jsonl"))
        let broken = try program.write("{\"question_id\": 81}\n", to: "broken.jsonl")
        let malformed = try program.run(base + ["--suite", JudgeData.mtBench, "--answers", broken])
        #expect(malformed.code == 65 && malformed.errors.contains("broken.jsonl:1"))
        let good = base + ["--suite", JudgeData.mtBench, "--answers", answers]
        let budget = try program.run(good + ["--budget", "2"])
        #expect(budget.code == 65 && budget.errors.contains("--budget needs a price for j"))
        let key = try program.run(good + ["--key-env", "NO_SUCH_KEY", "--base-url", "https://judge.invalid/v1"])
        #expect(key.code == 65 && key.errors.contains("NO_SUCH_KEY"))
        let nobody = try program.run(good + ["--retries", "0"])
        #expect(nobody.code == 1 && nobody.errors.contains("answered none of the first 8 requests"), "\(nobody.errors)")
        for outcome in [missing, noAnswers, malformed, budget, key, nobody] {
            #expect(outcome.errors.split(separator: "\n").count == 1, "\(outcome.errors)")
        }
    }
}

/// Real judge data beside the project.
enum JudgeData {
    static let mtBench = Program.repository.deletingLastPathComponent().appending(path: "shared/data/mt_bench").path
    static let isThere = FileManager.default.fileExists(atPath: mtBench + "/question.jsonl")

    static func unpackedRecord(in program: Program) throws -> String {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["gzip", "-dc", mtBench + "/model_judgment/gpt-4_single.jsonl.gz"]
        let path = try program.write("", to: "record/gpt-4_single.jsonl")
        process.standardOutput = try FileHandle(forWritingTo: URL(filePath: path))
        try process.run()
        process.waitUntilExit()
        return path
    }
}

extension FixtureServer {
    static func recordedJudge(latency: Double = 0) throws -> FixtureServer {
        try FixtureServer(
            fixture: "recorded_judge/server.py", ["--data", JudgeData.mtBench, "--latency", "\(latency)"])
    }

    /// Requests that the recorded judge answered with a judgment.
    func served() throws -> Int {
        struct Count: Decodable { let served: Int }
        return try get(Count.self, "/count").served
    }
}
