import Foundation
import Testing

/// What goes wrong in a worker is one sentence wherever it is read; the trace lies in a log that the sentence names.
@Suite struct WorkerFailureTests {
    private static let failing = """
        trace = 'Traceback (most recent call last):\\n  File "job.py", line 7, in run\\nValueError: no such column'
        error = "pairs.jsonl, row 3: ValueError: no such column"
        say({"event": "report", "id": job["id"], "status": "failed", "error": error, "trace": trace})
        """

    private static let commands: [[String]] = [
        ["data", "inspect", "pairs.jsonl"],
        ["data", "label", "pairs.jsonl", "--model", "m", "--judge", "reward-model:r", "--output", "new.jsonl"],
        ["loss", "check", "losses/baselines/dpo.py"],
        ["loss", "import", "losses/baselines/dpo.py"],
        ["loss", "export", "dpo", "--to", "trl"],
        ["loss", "plot", "dpo", "--no-data", "--output", "dpo.svg"],
        ["loss", "evaluate", "dpo", "--workers", "1", "--skip-untrained"],
        ["loss", "rerun", "ipo", "--dataset", "pairs.jsonl", "--model", "m"],
        ["loss", "compare", "ipo", "dpo", "--dataset", "pairs.jsonl", "--model", "m", "--format", "json"],
        ["system", "estimate", "--model", "m", "--dataset", "pairs.jsonl"],
        ["campaign", "run", "runs/tiny.yaml"],
    ]

    @Test(arguments: commands) func itIsOneSentenceThatNamesTheLog(_ command: [String]) throws {
        let program = try Program()
        defer { program.remove() }
        let environment = try program.standInWorker(Self.failing)
        _ = try program.write(#"{"prompt": "a", "chosen": "b", "rejected": "c"}"#, to: "pairs.jsonl")
        _ = try program.write("{}", to: "m/config.json")
        _ = try program.write(TinyCampaign.recipe, to: "runs/tiny.yaml")
        let outcome = try program.run(command, environment: environment)
        #expect(outcome.code != 0)
        let said = outcome.errors + outcome.output
        #expect(said.contains("pairs.jsonl, row 3: ValueError: no such column"), "\(said)")
        let named = try #require(said.firstMatch(of: /the trace is in (\S+\/\.cache\/logs\/worker-\d\.log)/), "\(said)")
        for words in ["Traceback", "job.py", "keyNotFound"] { #expect(try !found(words, in: program, said: said)) }
        let kept = try String(contentsOfFile: String(named.1), encoding: .utf8)
        #expect(kept.contains(#"File "job.py", line 7, in run"#) && kept.contains(" failed\nTraceback"), "\(kept)")
    }

    /// Whether the words stand in what was printed, or in a report, record or archive below `runs`.
    private func found(_ words: String, in program: Program, said: String) throws -> Bool {
        let runs = program.folder.appending(path: "runs")
        let files = try FileManager.default.subpathsOfDirectory(atPath: runs.path)
        return said.contains(words)
            || files.contains {
                FileManager.default.contents(atPath: "\(runs.path)/\($0)")?.range(of: Data(words.utf8)) != nil
            }
    }
}
