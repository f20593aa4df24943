import Foundation
import Testing

/// What only reads works in a folder where nothing can be written, without its log and without a word about that.
@Suite(.enabled(if: Program.canMount, "needs a user namespace that may mount")) struct ReadOnlyTests {
    private func run(_ commands: [String], in program: Program, _ environment: [String: String] = [:]) throws -> [Int] {
        let calls = commands.map { #""$LOSSLAB" \#($0); echo "code $?""# }
        let outcome = try program.shell(
            """
            mount --bind "$PWD" "$PWD" && mount -o remount,ro,bind "$PWD" && cd "$PWD" || exit
            touch file && exit
            exec 2>&1
            \(calls.joined(separator: "\n"))
            """, environment: environment)
        #expect(
            !outcome.output.contains("cannot be written") && !outcome.output.contains("Read-only"), "\(outcome.output)")
        return outcome.output.matches(of: /code (\d+)/).compactMap { Int($0.1) }
    }

    @Test func theArchiveAndTheCatalogueAreRead() throws {
        let program = try Program()
        defer { program.remove() }
        #expect(try program.run("archive", "rebuild").code == 0)
        let commands = [
            "loss list", "archive list", "archive verify", "archive export --canonical", "archive reruns",
            "campaign list", "evaluation list", "model list",
        ]
        #expect(try run(commands, in: program) == commands.map { _ in 0 })
    }

    @Test func aWorkerRunsWithoutItsLog() throws {
        let program = try Program()
        defer { program.remove() }
        let environment = try program.standInWorker(
            #"say({"event": "report", "id": job["id"], "status": "done", "result": {"text": "class Trainer: ..."}})"#)
        #expect(try run(["loss export dpo --to trl"], in: program, environment) == [0])
    }

    @Test(.tags(.python), .enabled(if: Program.hasPython, "needs .venv: make setup")) func dataIsInspected() throws {
        let program = try Program()
        defer { program.remove() }
        _ = try program.write(#"{"prompt": "a", "chosen": "b", "rejected": "c"}"#, to: "pairs.jsonl")
        #expect(try run(["data inspect pairs.jsonl"], in: program) == [0])
    }
}
