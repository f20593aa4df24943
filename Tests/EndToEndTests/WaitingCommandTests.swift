import Foundation
import LoopbackServers
import Testing

/// How long a server is waited for, by an option and by a recipe: nothing hangs on one that sends a byte now and then.
@Suite struct WaitingCommandTests {
    @Test(arguments: [
        (["--timeout", "1"], "took longer than 1 s (timeouts.total)", "trickle:0.05"),
        (["--silence", "0.5", "--timeout", "1"], "sent nothing for 0.5 s (timeouts.firstByte)", "hang"),
    ])
    func anOptionEndsTheWaiting(options: [String], words: String, model: String) throws {
        let server = try FixtureServer(fixture: "chat/scripted_server.py")
        defer { server.stop() }
        let program = try Program()
        defer { program.remove() }
        let outcome = try program.run(
            ["proposer", "step", "analyse", "--model", model, "--base-url", "http://127.0.0.1:\(server.port)/v1"]
                + options)
        #expect(outcome.code == 1 && outcome.errors.contains(words), "\(outcome.errors)")
        #expect(outcome.errors.contains("it is asked again"))
    }

    @Test func aRecipeEndsTheWaitingBeforeAnythingIsTrained() throws {
        let server = try FixtureServer(fixture: "chat/scripted_server.py")
        defer { server.stop() }
        let program = try Program()
        defer { program.remove() }
        let endpoint =
            "endpoint: {baseURL: \"http://127.0.0.1:\(server.port)/v1\", timeouts: {total: 500ms, call: 1s}}"
        _ = try program.write(
            TinyCampaign.recipe.replacing("strategy: grammar", with: "strategy: program")
                .replacing("proposer:", with: "proposer:\n  model: \"trickle:0.05\"\n  \(endpoint)"),
            to: "runs/tiny.yaml")
        let outcome = try program.run("campaign", "run", "runs/tiny.yaml")
        #expect(outcome.code == 1, "\(outcome.errors)")
        #expect(outcome.errors.contains("took longer than 0.5 s (timeouts.total)"), "\(outcome.errors)")
        #expect(outcome.errors.contains("nothing was trained"))
    }

    @Test func aLimitIsANumberOfSeconds() throws {
        let program = try Program()
        defer { program.remove() }
        let outcome = try program.run("proposer", "step", "analyse", "--model", "m", "--timeout", "0")
        #expect(outcome.code == 64 && outcome.errors.contains("--timeout is a number of seconds above 0"))
    }
}
