import Foundation
import Testing

/// Every process that a command has started ends with it, whatever either of them is doing.
@Suite(.serialized, .tags(.python), .enabled(if: Program.hasPython, "needs .venv: make setup")) struct ChildEndTests {
    /// How long a child may outlive the command.
    private static let grace: Duration = .seconds(2)

    /// A process and what it has started, by /proc.
    private struct Processes {
        let parents: [Int32: Int32]

        init() {
            var parents: [Int32: Int32] = [:]
            for name in (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? [] {
                guard let process = Int32(name), let state = Self.state(of: process), state.letter != "Z" else {
                    continue
                }
                parents[process] = state.parent
            }
            self.parents = parents
        }

        func descendants(of process: Int32) -> Set<Int32> {
            var found: Set<Int32> = [process]
            while true {
                let more = parents.filter { found.contains($0.value) }.map(\.key)
                guard !found.isSuperset(of: more) else { return found.subtracting([process]) }
                found.formUnion(more)
            }
        }

        /// State and parent; nil of a process that has gone.
        static func state(of process: Int32) -> (letter: String, parent: Int32)? {
            guard let text = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8),
                let end = text.lastIndex(of: ")")
            else { return nil }
            let fields = text[text.index(after: end)...].split(separator: " ")
            guard fields.count > 1, let parent = Int32(fields[1]) else { return nil }
            return (String(fields[0]), parent)
        }
    }

    /// Starts a command, waits until it has as many descendants as named, kills it, and gives back what is left of them.
    private func left(
        _ program: Program, _ arguments: [String], children: Int, signal: Int32
    ) throws -> (children: Set<Int32>, left: Set<Int32>) {
        let process = try program.start(
            arguments, output: program.folder.appending(path: "output"),
            errors: program.folder.appending(path: "errors"))
        var started: Set<Int32> = []
        while process.isRunning && started.count < children {
            started = Processes().descendants(of: process.processIdentifier)
            if started.count < children { Thread.sleep(forTimeInterval: 0.02) }
        }
        kill(process.processIdentifier, signal)
        process.waitUntilExit()
        let clock = ContinuousClock.now
        var left = started
        while !left.isEmpty && ContinuousClock.now - clock < Self.grace {
            left = left.filter { Processes.state(of: $0).map { $0.letter != "Z" } ?? false }
            if !left.isEmpty { Thread.sleep(forTimeInterval: 0.02) }
        }
        for process in left { kill(process, SIGKILL) }
        return (started, left)
    }

    @Test(arguments: [SIGINT, SIGTERM, SIGKILL]) func aReadingWorkerEndsWithItsCommand(signal: Int32) throws {
        let program = try Program()
        defer { program.remove() }
        let row = #"{"prompt": "Which fish is the oldest?", "chosen": "A carp.", "rejected": "A pike."}"# + "\n"
        let file = try program.write(String(repeating: row, count: 200_000), to: "pairs.jsonl")
        let found = try left(program, ["data", "inspect", file], children: 1, signal: signal)
        #expect(!found.children.isEmpty && found.left.isEmpty)
    }

    /// The worker, its zygote, and a supervisor with its loss process: the command is killed in the middle of trainings.
    @Test(.tags(.slow)) func trainersAndLossProcessesEndWithTheirCampaign() throws {
        let program = try Program()
        defer { program.remove() }
        _ = try program.write(TinyCampaign.recipe, to: "runs/tiny.yaml")
        let found = try left(program, ["campaign", "run", "runs/tiny.yaml"], children: 4, signal: SIGKILL)
        #expect(found.children.count >= 4 && found.left.isEmpty)
    }
}
