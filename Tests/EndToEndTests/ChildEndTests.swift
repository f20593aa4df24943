import Foundation
import Testing

/// Every process that a command has started ends with it, whatever either of them is doing.
@Suite(.serialized, .tags(.python), .enabled(if: Program.hasPython, "needs .venv: make setup")) struct ChildEndTests {
    /// How long a child may outlive the command.
    private static let grace: Duration = .seconds(2)

    /// When the command is killed.
    enum Phase {
        /// A child has just been started.
        case start
        /// It has a child that uses such a file: a job that reads or trains has begun.
        case using(String)
        /// It has so many: with a worker, its zygote, a supervisor and a loss process, a loss is run.
        case children(Int)
        /// The command has printed something: one job is done, and others are to come.
        case said(String)

        func isReached(by children: Set<Int32>, _ printed: () -> String) -> Bool {
            switch self {
            case .start: !children.isEmpty
            case .using(let file): children.contains { Processes.uses($0, fileEnding: file) }
            case .children(let count): children.count >= count
            case .said(let words): !children.isEmpty && printed().contains(words)
            }
        }
    }

    /// Starts a command, kills it in a phase, and gives back what it had started and what of that is left.
    private func killed(
        _ program: Program, _ arguments: [String], _ phase: Phase, by signal: Int32, environment: [String: String] = [:]
    ) throws -> (children: Set<Int32>, left: Set<Int32>) {
        let (output, errors) = (program.folder.appending(path: "output"), program.folder.appending(path: "errors"))
        func printed() -> String {
            [output, errors].map { (try? String(contentsOf: $0, encoding: .utf8)) ?? "" }.joined()
        }
        let process = try program.start(arguments, environment: environment, output: output, errors: errors)
        var children: Set<Int32> = []
        while process.isRunning {
            let now = Processes().descendants(of: process.processIdentifier)
            children.formUnion(now)
            if phase.isReached(by: now, printed) { break }
            Thread.sleep(forTimeInterval: 0.01)
        }
        #expect(process.isRunning, "it ended before it could be killed: \(printed())")
        kill(process.processIdentifier, signal)
        process.waitUntilExit()
        let end = ContinuousClock.now
        // Also what was started since the last look.
        let folder = program.folder.resolvingSymlinksInPath().path
        children.formUnion(Processes().working(in: folder))
        var left = children.filter(Processes.isAlive)
        while !left.isEmpty && ContinuousClock.now - end < Self.grace {
            Thread.sleep(forTimeInterval: 0.02)
            left = left.union(Processes().working(in: folder)).filter(Processes.isAlive)
        }
        for process in left { kill(process, SIGKILL) }
        return (children, left)
    }

    /// A folder with all that the commands below name.
    private func prepared() throws -> Program {
        let program = try Program()
        let row = #"{"prompt": "Which fish is the oldest?", "chosen": "A carp.", "rejected": "A pike."}"# + "\n"
        _ = try program.write(String(repeating: row, count: 20), to: "pairs.jsonl")
        _ = try program.write(TinyCampaign.recipe, to: "runs/tiny.yaml")
        _ = try program.write("{}", to: "m/config.json")
        _ = try program.write("GGUF", to: "own.gguf")
        return program
    }

    private static let policy = Program.repository.appending(path: "evaluation/microbench/base/policy").path
    private static let training = ["--dataset", "pairs.jsonl", "--workers", "1", "--model"]

    static let commands: [[String]] = [
        ["data", "inspect", "pairs.jsonl"],
        ["data", "label", "pairs.jsonl", "--model", "m", "--judge", "reward-model:m", "--output", "new"],
        ["loss", "check", "losses/baselines/dpo.py"],
        ["loss", "import", "losses/baselines/dpo.py"],
        ["loss", "export", "dpo", "--to", "trl"],
        ["loss", "plot", "dpo", "--output", "dpo.svg"],
        ["loss", "evaluate", "dpo", "--workers", "1"],
        ["loss", "rerun", "ipo"] + training + ["m"],
        ["loss", "compare", "ipo", "dpo"] + training + ["m"],
        ["system", "estimate", "--model", "m", "--dataset", "pairs.jsonl"],
        ["campaign", "run", "runs/tiny.yaml"],
        ["model", "serve", "--file", "own.gguf"],
    ]

    @Test(arguments: commands, [SIGINT, SIGTERM, SIGKILL])
    func whatHasJustBeenStartedEndsWithItsCommand(_ command: [String], signal: Int32) throws {
        let program = try prepared()
        defer { program.remove() }
        let found = try killed(program, command, .start, by: signal)
        #expect(!found.children.isEmpty && found.left.isEmpty)
    }

    private static let loaded = Phase.using("tokenizers.abi3.so")

    @Test(
        .tags(.slow),
        arguments: [
            (
                ["data", "label", "pairs.jsonl", "--model", policy, "--judge", "reward-model:r", "--output", "new"],
                loaded
            ),
            (["loss", "plot", "dpo", "--no-data", "--output", "dpo.svg"], .children(4)),
            (["loss", "evaluate", "dpo", "--workers", "1", "--skip-untrained"], .children(4)),
            (["loss", "rerun", "ipo"] + training + [policy], loaded),
            (["loss", "check", "losses/baselines/dpo.py"], .children(4)),
            (["campaign", "run", "runs/tiny.yaml"], .said("catalogue proxy")),
        ])
    func whatWorksOrWaitsForWorkEndsWithItsCommand(_ command: [String], _ phase: Phase) throws {
        let program = try prepared()
        defer { program.remove() }
        let found = try killed(program, command, phase, by: SIGKILL)
        #expect(found.children.count >= 2 && found.left.isEmpty)
    }

    @Test(.tags(.slow), arguments: [SIGINT, SIGTERM, SIGKILL]) func aReadingWorkerEndsWithItsCommand(signal: Int32)
        throws
    {
        let program = try prepared()
        defer { program.remove() }
        let row = #"{"prompt": "Which fish is the oldest?", "chosen": "A carp.", "rejected": "A pike."}"# + "\n"
        _ = try program.write(String(repeating: row, count: 200_000), to: "many.jsonl")
        let found = try killed(program, ["data", "inspect", "many.jsonl"], .using("many.jsonl"), by: signal)
        #expect(found.children.count >= 2 && found.left.isEmpty)
    }

    /// The worker, its zygote, and a supervisor with its loss process.
    @Test(.tags(.slow), arguments: [SIGINT, SIGTERM, SIGKILL])
    func trainersAndLossProcessesEndWithTheirCampaign(signal: Int32) throws {
        let program = try prepared()
        defer { program.remove() }
        let found = try killed(program, ["campaign", "run", "runs/tiny.yaml"], .children(4), by: signal)
        #expect(found.children.count >= 4 && found.left.isEmpty)
    }

    /// A model of the lab's own, while its file is loaded and while it serves.
    @Test(.tags(.slow), arguments: [.using(".gguf"), .said("base URL")] as [Phase])
    func aModelsServerEndsWithItsCommand(_ phase: Phase) throws {
        guard let program = try TestModels.program(with: "smollm2-135m") else { return }
        defer { program.remove() }
        let found = try killed(
            program, ["model", "serve", "smollm2-135m"], phase, by: SIGKILL,
            environment: TestModels.environment(for: "smollm2-135m"))
        #expect(!found.children.isEmpty && found.left.isEmpty)
    }
}
