import Foundation
import Testing

/// `losslab system check` blames what is missing and nothing else; running without the sandbox is no cure for a missing file.
@Suite struct SystemCheckTests {
    private struct Finding: Decodable {
        let part: String
        let present: Bool
        let found: String
        let remedy: String
    }

    private func findings(_ program: Program, _ environment: [String: String]) throws -> [String: Finding] {
        let outcome = try program.run("system", "check", "--format", "json", environment: environment)
        #expect(outcome.code == 1, "\(outcome.errors)")
        let found = try outcome.json([Finding].self)
        return Dictionary(found.map { ($0.part, $0) }) { first, _ in first }
    }

    @Test func aMissingEnvironmentIsNotTheKernelsFault() throws {
        let program = try Program()
        defer { program.remove() }
        let found = try findings(program, ["LOSSLAB_VENV": program.folder.path + "/.venv"])
        for part in ["virtual environment", "torch"] {
            #expect(found[part]?.present == false && found[part]?.remedy == "make setup")
        }
        #expect(found["torch"]?.found.contains("no Python environment") == true)
        for part in ["Landlock", "seccomp"] { #expect(found[part]?.found.contains("kernel") == false) }
        #expect(found["Landlock"]?.present == true && found["seccomp"]?.present == true, "\(found)")
    }

    @Test func withoutTheWorkerNothingIsSaidOfTheKernel() throws {
        let program = try Program()
        defer { program.remove() }
        let found = try findings(program, ["LOSSLAB_WORKER": program.folder.path + "/none"])
        #expect(found["losslab-worker"]?.present == false)
        for finding in found.values where !finding.present {
            #expect(!finding.found.contains("kernel") && !finding.remedy.contains("unsandboxed"), "\(finding)")
        }
        #expect(found["Landlock"]?.found.contains("losslab-worker does not run here") == true)
    }

    /// A limit on open files hinders the sandbox, and the kernel has both layers.
    @Test func whatHindersTheSandboxIsNamedAndNotBlamedOnTheKernel() throws {
        let program = try Program()
        defer { program.remove() }
        let worker = Program.products.appending(path: "losslab-worker").path
        let environment = try program.installedWorker("#!/bin/sh\nulimit -n 60\nexec '\(worker)' \"$@\"\n")
        let found = try findings(program, environment).values.filter {
            !$0.present && ["Landlock", "seccomp", "sandbox"].contains($0.part)
        }
        #expect(found.map(\.part) == ["sandbox"], "\(found)")
        #expect(
            found.first?.found.contains("Too many open files") == true
                || found.first?.found.contains("descriptors") == true)
        #expect(found.first?.remedy.contains("unsandboxed") == false)
    }
}
