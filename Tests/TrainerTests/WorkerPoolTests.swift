import Foundation
import LabCore
import Testing

@testable import Trainer

/// A stand-in worker: speaks the protocol from a script, so that dying, hanging and lying can be had on demand.
private struct ScriptedWorker {
    let folder: URL
    let configuration: WorkerConfiguration

    /// - Parameters:
    ///   - behaviour: Python lines run for each job, with `job`, `number` (jobs this process has had), `say(object)` and
    ///     `first_time(name)` at hand.
    ///   - start: what a process does before it says that it is ready, with `first_time(name)` at hand.
    init(_ behaviour: String, start: String = "pass") throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "pool-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let script = folder.appending(path: "worker")
        let body = behaviour.split(separator: "\n", omittingEmptySubsequences: false).map { "    " + $0 }
        let text = """
            #!/usr/bin/python3
            import json, os, sys, time, signal
            def say(event): os.write(3, (json.dumps(event) + "\\n").encode())
            def first_time(name):
                path = os.path.join(\(Self.quoted(folder.path)), name)
                if os.path.exists(path): return False
                open(path, "w").close()
                return True
            def done(): say({"event": "report", "id": job["id"], "status": "done", "result": {"source": str(os.getpid())}})
            \(start)
            say({"event": "ready", "version": 1, "python": "3", "torch": "0", "sandbox": {"landlock": 7, "seccomp": True}})
            for number, line in enumerate(sys.stdin):
                job = json.loads(line)
            \(body.joined(separator: "\n"))
            """
        try Self.write(text, executable: script)
        configuration = WorkerConfiguration(
            executable: script.path, virtualEnvironment: "", pythonPath: "", cache: folder.path,
            logs: folder.appending(path: "logs").path)
    }

    /// By another process: were the file ever open for writing here, a test that forks at that moment would hold it open.
    static func write(_ text: String, executable: URL) throws {
        let draft = executable.appendingPathExtension("draft")
        try Data(text.utf8).write(to: draft)
        let install = try Process.run(
            URL(filePath: "/usr/bin/install"), arguments: ["-m", "755", draft.path, executable.path])
        install.waitUntilExit()
    }

    private static func quoted(_ text: String) -> String { "\"" + text + "\"" }

    func remove() { try? FileManager.default.removeItem(at: folder) }

    func pool(_ size: Int) -> WorkerPool { WorkerPool(size: size, configuration: configuration) }
}

@Suite struct WorkerPoolTests {
    private func run(
        _ behaviour: String, size: Int = 1, limit: Duration = .seconds(20),
        _ body: (PoolScreener) async throws -> Void
    ) async throws {
        let worker = try ScriptedWorker(behaviour)
        let pool = worker.pool(size)
        defer { worker.remove() }
        do {
            try await body(PoolScreener(pool: pool, timeLimit: limit))
        } catch {
            await pool.close()
            throw error
        }
        await pool.close()
    }

    @Test func oneWorkerServesManyJobs() async throws {
        try await run("done()") { screener in
            let first = try await screener.fileForm(of: "a", header: [:])
            let second = try await screener.fileForm(of: "b", header: [:])
            #expect(first == second)
        }
    }

    @Test func jobsRunSideBySideUpToTheSize() async throws {
        try await run("time.sleep(0.4); done()", size: 3) { screener in
            let outcomes = try await withThrowingTaskGroup(of: ImportOutcome.self) { group in
                for _ in 0..<6 { group.addTask { try await screener.fileForm(of: "a", header: [:]) } }
                return try await group.reduce(into: Set<String>()) { $0.insert("\($1)") }
            }
            #expect(outcomes.count == 3)
        }
    }

    @Test func aWorkerThatDiesIsReplacedAndItsJobDoneAgain() async throws {
        try await run("os.kill(os.getpid(), 9) if first_time('died') else done()") { screener in
            let outcome = try await screener.fileForm(of: "a", header: [:])
            guard case .file = outcome else {
                Issue.record("expected a result, got \(outcome)")
                return
            }
        }
    }

    @Test func aJobThatKillsEveryWorkerIsAnErrorThatNamesIt() async throws {
        try await run("os._exit(7)") { screener in
            let error = await #expect(throws: TrainerError.self) { try await screener.screen("x", name: "dpo") }
            #expect(error?.description.contains("checking dpo") == true)
            #expect(error?.description.contains("7") == true)
        }
    }

    @Test func aStalledWorkerIsKilledWhenItsTimeIsUpAndThePoolGoesOn() async throws {
        try await run(
            "time.sleep(600) if first_time('stalled') else done()", limit: .seconds(2)
        ) { screener in
            let started = ContinuousClock.now
            let error = await #expect(throws: TrainerError.self) { try await screener.fileForm(of: "a", header: [:]) }
            guard case .timedOut? = error else {
                Issue.record("expected a time-out, got \(String(describing: error))")
                return
            }
            #expect(ContinuousClock.now - started < .seconds(60))
            _ = try await screener.fileForm(of: "b", header: [:])
        }
    }

    @Test func aRejectionIsAResult() async throws {
        let rejection = #"{"code": "shape", "message": "not (B,)", "line": 3, "details": {"found": "()"}}"#
        try await run(
            #"say({"event": "report", "id": job["id"], "status": "rejected", "rejection": \#(rejection)})"#
        ) { screener in
            let outcome = try await screener.fileForm(of: "a", header: [:])
            #expect(outcome == .rejected(Rejection(code: "shape", message: "not (B,)", line: 3)))
        }
    }

    @Test func aFailedReportIsThrownWithItsReasonAndTheWorkerLives() async throws {
        try await run(
            #"say({"event": "report", "id": job["id"], "status": "failed", "error": "no disk"}) if number == 0 else done()"#
        ) { screener in
            let error = await #expect(throws: TrainerError.self) { try await screener.fileForm(of: "a", header: [:]) }
            #expect(error?.description.contains("no disk") == true)
            _ = try await screener.fileForm(of: "b", header: [:])
        }
    }

    @Test func linesOutsideTheProtocolEndTheWorkerNotTheController() async throws {
        try await run("say(['nonsense']) if first_time('spoke') else done()") { screener in
            _ = try await screener.fileForm(of: "a", header: [:])
        }
    }

    @Test func cancellationEndsTheRunningJobAtOnce() async throws {
        try await run("time.sleep(600)", limit: .seconds(500)) { screener in
            let task = Task { try await screener.fileForm(of: "a", header: [:]) }
            try await Task.sleep(for: .milliseconds(500))
            let started = ContinuousClock.now
            task.cancel()
            await #expect(throws: (any Error).self) { try await task.value }
            #expect(ContinuousClock.now - started < .seconds(60))
        }
    }

    @Test func aMissingWorkerSaysHowToGetOne() async throws {
        let pool = WorkerPool(
            size: 1,
            configuration: WorkerConfiguration(
                executable: "/nowhere/losslab-worker", virtualEnvironment: "", pythonPath: "", cache: "", logs: ""))
        let error = await #expect(throws: TrainerError.self) {
            try await PoolScreener(pool: pool).screen("x", name: nil)
        }
        #expect(error?.description.contains("/nowhere/losslab-worker") == true)
    }

    @Test func aWorkerThatCannotStartTellsItsReason() async throws {
        let worker = try ScriptedWorker("pass")
        defer { worker.remove() }
        let script = #"""
            #!/usr/bin/python3
            import os
            os.write(3, b'{"event": "fatal", "error": "no virtual environment; run make setup"}\n')
            """#
        try ScriptedWorker.write(script, executable: URL(filePath: worker.configuration.executable))
        let error = await #expect(throws: TrainerError.self) {
            try await PoolScreener(pool: worker.pool(1)).screen("x", name: nil)
        }
        #expect(error?.description.contains("run make setup") == true)
    }

    @Test func aWorkerKilledWhileItStartsIsStartedAgain() async throws {
        let worker = try ScriptedWorker(
            "done()", start: "if any(map(first_time, ('a', 'b', 'c'))): os.kill(os.getpid(), signal.SIGKILL)")
        defer { worker.remove() }
        let pool = worker.pool(1)
        guard case .file = try await PoolScreener(pool: pool).fileForm(of: "a", header: [:]) else {
            Issue.record("expected a result")
            return
        }
        await pool.close()
    }

    @Test(arguments: [
        ("os.kill(os.getpid(), signal.SIGKILL)", "killed by signal 9 before it was ready, 4 times"),
        ("open(sys.argv[0] + '.starts', 'a').write('x'); sys.exit(7)", "ended before it was ready (exit code 7)"),
        ("say(['nonsense'])", "its first line was neither ready nor fatal"),
    ])
    func aWorkerThatNeverGetsReadyIsAnErrorThatTellsHowItEnded(start: String, words: String) async throws {
        let worker = try ScriptedWorker("done()", start: start)
        defer { worker.remove() }
        let error = await #expect(throws: TrainerError.self) {
            try await PoolScreener(pool: worker.pool(1)).screen("x", name: nil)
        }
        #expect(error?.description.contains(words) == true, "\(String(describing: error))")
        #expect(error?.description.contains("worker-1.log") == true)
        // What would end in the same way again is not tried again.
        if let starts = try? String(contentsOfFile: worker.configuration.executable + ".starts", encoding: .utf8) {
            #expect(starts == "x")
        }
    }

    @Test func noSecretOfTheControllerReachesTheWorker() async throws {
        setenv("LOSSLAB_PLANTED_KEY", "sk-planted", 1)
        defer { unsetenv("LOSSLAB_PLANTED_KEY") }
        try await run(
            #"say({"event": "report", "id": job["id"], "status": "done", "result": {"source": " ".join(os.environ.values())}})"#
        ) { screener in
            guard case .file(let environment, _, _) = try await screener.fileForm(of: "a", header: [:]) else { return }
            #expect(!environment.contains("sk-planted"))
        }
    }
}
