import Foundation
import Sandbox
import Testing

@Suite final class ChildProcessTests {
    let directory: URL

    init() throws {
        directory = FileManager.default.temporaryDirectory.appending(path: "losslab-child-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: directory) }

    private var log: URL { directory.appending(path: "child.log") }

    private func shell(
        _ script: String, environment: [String: String] = [:], limits: ChildLimits = ChildLimits()
    ) throws -> ChildProcess {
        try ChildProcess.start(
            executable: URL(filePath: "/bin/sh"), arguments: ["-c", script], environment: environment,
            workingDirectory: directory, logFile: log, limits: limits)
    }

    private func lines(of child: ChildProcess) async -> [String] {
        var lines: [String] = []
        for await line in child.events { lines.append(line) }
        return lines
    }

    private func logText() throws -> String { try String(contentsOf: log, encoding: .utf8) }

    /// A process that has ended counts as gone, also while its new parent has not reaped it.
    private func isAlive(_ process: String) -> Bool {
        guard let stat = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8) else { return false }
        return !stat.contains(") Z ")
    }

    @Test func eventsArriveAsWholeLinesAndTheStreamEndsWithTheProgram() async throws {
        let child = try shell("printf 'one\\ntw' >&3; sleep 0.05; printf 'o\\n\\nthree' >&3")
        #expect(await lines(of: child) == ["one", "two", ""])
        #expect(await child.wait() == .exited(code: 0))
    }

    @Test func environmentIsExactlyWhatWasGiven() async throws {
        setenv("LOSSLAB_TEST_SECRET", "hidden", 1)
        let child = try ChildProcess.start(
            executable: URL(filePath: "/usr/bin/env"), arguments: [], environment: ["A": "1"], logFile: log)
        #expect(await child.wait() == .exited(code: 0))
        try await Task.sleep(for: .milliseconds(50))
        #expect(try logText() == "A=1\n")
    }

    @Test func childStartsInItsDirectoryWithFourDescriptors() async throws {
        let leaky = open("/dev/null", O_RDONLY)  // deliberately not closed on exec
        defer { close(leaky) }
        let child = try shell("pwd >&3; exec ls /proc/self/fd >&3")
        let seen = await lines(of: child)
        #expect(seen.first == directory.resolvingSymlinksInPath().path)
        // 4 is the directory that `ls` itself reads.
        #expect(seen.dropFirst() == ["0", "1", "2", "3", "4"])
    }

    @Test func linesSentReachStandardInputInOrder() async throws {
        let child = try shell("while read -r line; do echo \"got $line\" >&3; done; echo end >&3")
        for number in 1...3 { try await child.send(line: "\(number)") }
        child.closeInput()
        #expect(await lines(of: child) == ["got 1", "got 2", "got 3", "end"])
    }

    @Test func aLineOfAMegabyteIsSentWhole() async throws {
        let child = try shell("read -r line; echo ${#line} >&3")
        try await child.send(line: String(repeating: "x", count: 1 << 20))
        #expect(await lines(of: child) == ["1048576"])
    }

    @Test func sendingToAnEndedProgramThrowsInsteadOfKillingUs() async throws {
        let child = try shell("exit 0")
        _ = await child.wait()
        await #expect(throws: ChildProcessError.self) { try await child.send(line: "anyone there?") }
    }

    @Test func exitCodesAndSignalsAreReported() async throws {
        #expect(await (try shell("exit 7")).wait() == .exited(code: 7))
        #expect(await (try shell("kill -9 $$")).wait() == .signaled(9))
        let child = try shell("exit 3")
        async let first = child.wait()
        async let second = child.wait()
        #expect(await [first, second] == [.exited(code: 3), .exited(code: 3)])
        #expect(await child.wait() == .exited(code: 3))
    }

    @Test func aProgramThatIsMissingThrowsWithItsName() throws {
        let error = #expect(throws: ChildProcessError.self) {
            try ChildProcess.start(
                executable: URL(filePath: "/no/such/program"), arguments: [], environment: [:], logFile: log)
        }
        #expect(error?.description.contains("/no/such/program") == true)
    }

    @Test func killTreeEndsGrandchildren() async throws {
        let child = try shell("sleep 1000 & echo $! >&3; wait")
        var iterator = child.events.makeAsyncIterator()
        let grandchild = try #require(await iterator.next())
        #expect(isAlive(grandchild))
        child.killTree()
        #expect(await child.wait() == .signaled(9))
        try await Task.sleep(for: .milliseconds(100))
        #expect(!isAlive(grandchild))
    }

    @Test func whatTheProgramLeavesBehindEndsWithIt() async throws {
        let child = try shell("sleep 1000 & echo $! >&3; exit 0")
        let seen = await lines(of: child)
        #expect(await child.wait() == .exited(code: 0))
        try await Task.sleep(for: .milliseconds(100))
        #expect(!isAlive(try #require(seen.first)))
    }

    @Test func aProgramThatIgnoresTheRequestIsKilledAfterTheGrace() async throws {
        let stubborn = try shell("trap '' TERM; echo ready >&3; while :; do sleep 0.05; done")
        var iterator = stubborn.events.makeAsyncIterator()
        _ = await iterator.next()
        #expect(await stubborn.terminate(grace: .milliseconds(200)) == .signaled(9))

        let polite = try shell("trap 'exit 4' TERM; echo ready >&3; while :; do sleep 0.02; done")
        iterator = polite.events.makeAsyncIterator()
        _ = await iterator.next()
        #expect(await polite.terminate(grace: .seconds(20)) == .exited(code: 4))
    }

    @Test func aLifetimeThatIsOverEndsTheProgram() async throws {
        let child = try shell("sleep 1000", limits: ChildLimits(lifetime: .milliseconds(150)))
        #expect(await child.wait() == .expired)
    }

    @Test func outputIsCappedAndTheProgramGoesOn() async throws {
        let child = try shell("head -c 3000000 /dev/zero; echo done >&3", limits: ChildLimits(logBytes: 1000))
        #expect(await lines(of: child) == ["done"])
        _ = await child.wait()
        try await Task.sleep(for: .milliseconds(50))
        #expect(try logText().hasPrefix(String(repeating: "\0", count: 1000) + "\n[output beyond"))
        #expect(try Data(contentsOf: log).count < 1100)
    }

    @Test func anEventLongerThanItsLimitEndsTheProgram() async throws {
        let child = try shell("while :; do printf xxxxxxxx >&3; done", limits: ChildLimits(eventLineBytes: 1000))
        #expect(await child.wait() == .signaled(9))
    }

    @Test func droppingTheObjectEndsTheProgram() async throws {
        var child: ChildProcess? = try shell("sleep 1000")
        let process = "\(child!.processIdentifier)"
        child = nil
        for _ in 0..<50 where isAlive(process) { try await Task.sleep(for: .milliseconds(20)) }
        #expect(!isAlive(process))
    }

    @Test func nothingStaysBehindAfterManyChildren() async throws {
        // Other tests of this suite open descriptors meanwhile, so only the growth over many children counts.
        func openDescriptors() throws -> Int {
            try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count
        }
        let before = try openDescriptors()
        for _ in 0..<60 {
            let child = try shell("echo x >&3")
            #expect(await lines(of: child) == ["x"])
            _ = await child.wait()
            #expect(!FileManager.default.fileExists(atPath: "/proc/\(child.processIdentifier)"))
        }
        try await Task.sleep(for: .milliseconds(300))
        #expect(try openDescriptors() < before + 60)
    }
}
