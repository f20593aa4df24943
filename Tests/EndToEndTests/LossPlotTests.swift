import Foundation
import Testing

/// `losslab loss plot`: pictures that can be repeated, and what it says of bad input and of rejected losses.
@Suite struct LossPlotTests {
    private struct Plot: Decodable {
        struct Loss: Decodable {
            let name: String
            let rho: [Double]
            let f: [Double?]
            let slope: [Double?]
            let counts: [Int]?
        }
        let losses: [Loss]
    }

    @Test(arguments: [
        (["dppo", "--output", "a.svg"], "did you mean `dpo`"),
        (["dpo", "--output", "a.pdf"], "neither in .svg nor in .png"),
        (["dpo", "--output", "nowhere/a.svg"], "there is no folder"),
        (["dpo", "--output", "runs.svg"], "runs.svg cannot be written: it is a folder"),
        (["dpo", "--output", "a.svg", "--world", "bsae"], "did you mean `base`"),
    ])
    func badInputIsOneLineBeforeAnyWork(arguments: [String], words: String) throws {
        let program = try Program()
        defer { program.remove() }
        try FileManager.default.createDirectory(
            at: program.folder.appending(path: "runs.svg"), withIntermediateDirectories: true)
        let outcome = try program.run(["loss", "plot"] + arguments)
        #expect(outcome.code == 65)
        #expect(outcome.errors.contains(words), "\(outcome.errors)")
        #expect(outcome.errors.split(separator: "\n").count == 1)
    }

    @Test(.tags(.python), .enabled(if: Program.hasPython, "needs .venv: make setup"))
    func theSamePlotTwiceIsTheSameFile() throws {
        let program = try Program()
        defer { program.remove() }
        let pictures = try ["a.svg", "b.svg"].map { file in
            let outcome = try program.run("loss", "plot", "dpo", "lrml", "--no-data", "--output", file)
            #expect(outcome.code == 0, "\(outcome.errors)")
            return try Data(contentsOf: program.folder.appending(path: file))
        }
        #expect(pictures[0] == pictures[1])
    }

    @Test(.tags(.python, .slow), .enabled(if: Program.hasPython, "needs .venv: make setup"))
    func theNumbersCountEveryTrainingPairOnce() throws {
        let program = try Program()
        defer { program.remove() }
        let outcome = try program.run("loss", "plot", "dpo", "--pairs", "128", "--format", "json")
        #expect(outcome.code == 0, "\(outcome.errors)")
        let loss = try #require(try outcome.json(Plot.self).losses.first)
        #expect(loss.counts?.reduce(0, +) == 128)
        let start = try #require(loss.rho.firstIndex(of: 0))
        #expect(abs((loss.f[start] ?? 0) - log(2)) < 1e-9)
        #expect(abs((loss.slope[start] ?? 0) + 0.025) < 1e-9)
    }

    @Test(.tags(.python), .enabled(if: Program.hasPython, "needs .venv: make setup"))
    func aRejectedLossLeavesNoPicture() throws {
        let program = try Program()
        defer { program.remove() }
        let evil = try program.write(
            """
            # ---
            # name: evil
            # origin: discovered
            # beta: 0.05
            # ---
            import os
            def loss(policy_chosen_logps, policy_rejected_logps, reference_chosen_logps, reference_rejected_logps, beta):
                return (policy_chosen_logps - policy_rejected_logps) * beta
            """, to: "evil.py")
        let outcome = try program.run("loss", "plot", "dpo", evil, "--no-data", "--output", "a.png")
        #expect(outcome.code == 2)
        #expect(outcome.errors.contains("evil: import os"))
        #expect(outcome.errors.contains("line 6"))
        #expect(!FileManager.default.fileExists(atPath: program.folder.appending(path: "a.png").path))
    }
}
