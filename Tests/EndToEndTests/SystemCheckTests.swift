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

    /// A shell's limits hinder the sandbox, and the kernel has both layers.
    @Test func whatHindersTheSandboxIsNamedAndNotBlamedOnTheKernel() throws {
        let program = try Program()
        defer { program.remove() }
        let outcome = try program.shell("ulimit -n 60; \"$LOSSLAB\" system check --format json")
        let found = try JSONDecoder().decode([Finding].self, from: Data(outcome.output.utf8))
        let missing = found.filter { !$0.present && ["Landlock", "seccomp", "sandbox"].contains($0.part) }
        #expect(missing.map(\.part) == ["sandbox"], "\(outcome.output)")
        #expect(missing.first?.found.contains("descriptors could not be arranged") == true)
        #expect(missing.first?.remedy.contains("unsandboxed") == false)
    }
}
