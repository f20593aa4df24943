import Foundation
import LabTesting
import Testing

/// The smallest of the lab's own models, served for real. It is fetched once (93 MB) into the repository's cache folder; where
/// that fails the tests end with a message and nothing is claimed.
@Suite(.serialized, .tags(.python, .slow), .enabled(if: Program.hasPython, "needs `make setup`"))
struct ServedModelTests {
    private struct Address: Decodable {
        let baseURL: String
        let key: String
        let process: Int32
    }

    private static let environment = TestModels.environment(for: "smollm2-135m")

    /// Starts `model serve` and waits for what it prints.
    private func serve(_ program: Program) async throws -> (process: Process, address: Address) {
        let (output, errors) = (
            program.folder.appending(path: "serve.out"), program.folder.appending(path: "serve.err")
        )
        let process = try program.start(
            ["model", "serve", "smollm2-135m", "--format", "json", "--context-tokens", "1024"],
            environment: Self.environment, output: output, errors: errors)
        for _ in 0..<1_200 where process.isRunning {
            if let address = try? JSONDecoder().decode(Address.self, from: Data(contentsOf: output)) {
                return (process, address)
            }
            try await Task.sleep(for: .milliseconds(100))
        }
        process.terminate()
        throw TestError("model serve said nothing: \(try String(contentsOf: errors, encoding: .utf8))")
    }

    private struct TestError: Error, CustomStringConvertible {
        let description: String
        init(_ text: String) { description = text }
    }

    private func ask(_ address: Address, key: String) throws -> (status: Int32, body: String) {
        let curl = Process()
        curl.executableURL = URL(filePath: "/usr/bin/env")
        curl.arguments = [
            "python3", "-c",
            """
            import sys, urllib.request, urllib.error
            body = b'{"model": "smollm2-135m", "prompt": "def add(a, b):", "max_tokens": 8}'
            headers = {"Authorization": "Bearer " + sys.argv[2], "Content-Type": "application/json"}
            try:
                with urllib.request.urlopen(urllib.request.Request(sys.argv[1] + "/completions", body, headers)) as reply:
                    print(reply.read().decode())
            except urllib.error.HTTPError as error:
                sys.exit(error.code % 256)
            """, address.baseURL, key,
        ]
        let pipe = Pipe()
        curl.standardOutput = pipe
        try curl.run()
        let output = pipe.fileHandleForReading.readDataToEndOfFile()
        curl.waitUntilExit()
        return (curl.terminationStatus, String(decoding: output, as: UTF8.self))
    }

    /// Waits until a process is no more; a child whose parent was killed is reaped by another.
    private func isGone(_ process: Int32) async throws -> Bool {
        for _ in 0..<300 {
            let stat = (try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8)) ?? ""
            guard let state = stat.split(separator: ")").last?.split(separator: " ").first else { return true }
            if state == "Z" { return true }
            try await Task.sleep(for: .milliseconds(100))
        }
        return false
    }

    @Test func aServedModelAnswersItsKeyAloneAndEndsWithItsParent() async throws {
        guard let program = try TestModels.program(with: "smollm2-135m") else { return }
        defer { program.remove() }
        let (process, address) = try await serve(program)
        defer { if process.isRunning { kill(process.processIdentifier, SIGKILL) } }
        #expect(try ask(address, key: "wrong").status == 401 % 256)
        let reply = try ask(address, key: address.key)
        #expect(reply.status == 0 && reply.body.contains("\"completion_tokens\":8"))
        let commandLine = try String(contentsOfFile: "/proc/\(address.process)/cmdline", encoding: .utf8)
        let environment = try String(contentsOfFile: "/proc/\(address.process)/environ", encoding: .utf8)
        #expect(!commandLine.contains(address.key) && !environment.contains(address.key))
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
        #expect(try await isGone(address.process))
    }

    @Test func aServerThatDiedIsStartedOnceMoreAtTheSameAddress() async throws {
        guard let program = try TestModels.program(with: "smollm2-135m") else { return }
        defer { program.remove() }
        let (process, address) = try await serve(program)
        defer { if process.isRunning { kill(process.processIdentifier, SIGKILL) } }
        kill(address.process, SIGKILL)
        var status: Int32 = 1
        for _ in 0..<300 where status != 0 {
            try await Task.sleep(for: .milliseconds(200))
            status = try ask(address, key: address.key).status
        }
        #expect(status == 0)
        let errors = try String(contentsOf: program.folder.appending(path: "serve.err"), encoding: .utf8)
        #expect(errors.contains("ended by killed by signal 9 and is started once more"))
    }

    @Test func aStepAsksTheLabsOwnModel() throws {
        guard let program = try TestModels.program(with: "smollm2-135m") else { return }
        defer { program.remove() }
        let outcome = try program.run(
            "proposer", "step", "analyse", "--embedded", "smollm2-135m", "--format", "json",
            environment: Self.environment)
        // So small a model may write what no step can use; that it wrote at all is the claim.
        #expect(outcome.code == 0 || outcome.code == 2, "\(outcome.errors)")
        #expect(outcome.output.contains("\"completionTokens\"") && outcome.errors.contains("starting smollm2-135m"))
    }
}
