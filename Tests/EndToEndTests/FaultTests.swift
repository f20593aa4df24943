import Foundation
import Testing

/// What an overnight run may meet, brought about for real: nothing finished is lost, and the archive ends the same.
@Suite(.tags(.python, .slow), .serialized, .enabled(if: Program.hasPython, "needs .venv: make setup"))
struct FaultTests {
    @Test func aCampaignKilledAtTwentyRandomMomentsEndsWithTheSameArchive() throws {
        let whole = try TinyCampaign.uninterrupted.get()
        let broken = try Program()
        defer { broken.remove() }
        _ = try broken.write(TinyCampaign.recipe, to: "runs/tiny.yaml")
        for round in 0..<20 {
            let process = try start(broken, round)
            Thread.sleep(forTimeInterval: Double.random(in: 0.2...5))
            kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
        }
        let resumed = try broken.run("campaign", "run", "runs/tiny.yaml", "--resume")
        #expect(resumed.code == 0, "\(resumed.errors)")
        #expect(try TinyCampaign.archive(of: broken) == TinyCampaign.archive(of: whole))
        #expect(try broken.run("archive", "verify").code == 0)
    }

    @Test func workersKilledFromOutsideAreReplacedAndTheirTrialsRepeated() throws {
        let whole = try TinyCampaign.uninterrupted.get()
        let program = try Program()
        defer { program.remove() }
        _ = try program.write(TinyCampaign.recipe, to: "runs/tiny.yaml")
        let process = try start(program, 0)
        var killed = 0
        while process.isRunning, killed < 3 {
            Thread.sleep(forTimeInterval: 4)
            guard let worker = children(of: process.processIdentifier).randomElement() else { continue }
            killed += kill(worker, SIGKILL) == 0 ? 1 : 0
        }
        process.waitUntilExit()
        #expect(killed > 0)
        let messages = try errors(program, 0)
        #expect(process.terminationStatus == 0, "\(messages)")
        #expect(try TinyCampaign.archive(of: program) == TinyCampaign.archive(of: whole))
    }

    @Test(.enabled(if: Program.canMount, "needs a user namespace that may mount"))
    func aDiskThatFillsUpIsNamedAndLosesNothing() throws {
        let program = try Program()
        defer { program.remove() }
        let recipe = TinyCampaign.recipe.replacing("[0.02, 0.08]", with: "[0.02]")
            .replacing("[dpo, kto_pair]", with: "[dpo]").replacing("candidates: 3", with: "candidates: 1")
        _ = try program.write(recipe, to: "tiny.yaml")
        // Too small for the archive's tables; then for the catalogue's scores; then large enough.
        let outcome = try program.shell(
            """
            mount -t tmpfs -o size=120k tmpfs runs
            "$LOSSLAB" campaign run tiny.yaml; echo "first $?" >&2
            mount -o remount,size=220k runs
            "$LOSSLAB" campaign resume tiny; echo "second $?" >&2
            mount -o remount,size=64m runs
            "$LOSSLAB" campaign resume tiny; echo "third $?" >&2
            "$LOSSLAB" archive verify; echo "verify $?" >&2
            mount -o remount,ro runs
            "$LOSSLAB" campaign resume tiny; echo "read-only $?" >&2
            """)
        let lines = outcome.errors.split(separator: "\n").map(String.init)
        for code in ["first 1", "second 1", "third 0", "verify 0", "read-only 1"] {
            #expect(lines.contains(code), "\(outcome.errors)")
        }
        #expect(outcome.errors.components(separatedBy: "no space is left on its disk; free some and resume").count == 3)
        #expect(lines.contains { $0.contains("reused") })
        #expect(lines.contains { $0.contains("read-only file system") })
    }

    @Test func aMissingVirtualEnvironmentSaysHowToMakeIt() throws {
        let program = try Program()
        defer { program.remove() }
        _ = try program.write(TinyCampaign.recipe, to: "runs/tiny.yaml")
        let outcome = try program.run(
            "campaign", "run", "runs/tiny.yaml", environment: ["LOSSLAB_VENV": program.folder.path + "/.venv"])
        #expect(outcome.code == 1)
        #expect(outcome.errors.contains(".venv") && outcome.errors.contains("make setup"), "\(outcome.errors)")
    }

    /// Begins or resumes, with its output in numbered files.
    private func start(_ program: Program, _ round: Int) throws -> Process {
        try program.start(
            ["campaign", "run", "runs/tiny.yaml", "--resume"], output: program.folder.appending(path: "\(round).out"),
            errors: program.folder.appending(path: "\(round).err"))
    }

    private func errors(_ program: Program, _ round: Int) throws -> String {
        try String(contentsOf: program.folder.appending(path: "\(round).err"), encoding: .utf8)
    }

    private func children(of process: pid_t) -> [pid_t] {
        let list = try? String(contentsOfFile: "/proc/\(process)/task/\(process)/children", encoding: .utf8)
        let own = list.map { $0.split(separator: " ").compactMap { pid_t($0) } } ?? []
        return own + threadChildren(of: process)
    }

    /// Children started by other threads than the first.
    private func threadChildren(of process: pid_t) -> [pid_t] {
        let threads = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(process)/task")) ?? []
        return threads.filter { $0 != "\(process)" }.flatMap { thread -> [pid_t] in
            let list = try? String(contentsOfFile: "/proc/\(process)/task/\(thread)/children", encoding: .utf8)
            return list.map { $0.split(separator: " ").compactMap { pid_t($0) } } ?? []
        }
    }
}
