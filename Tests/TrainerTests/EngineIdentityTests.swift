import Foundation
import Testing

@testable import Trainer

/// What the installed code says of itself, and of copies that somebody edits.
@Suite struct EngineIdentityTests {
    private static let repository = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()
    private static let environment = repository.appending(path: ".venv").path
    private static let hasPython = FileManager.default.fileExists(atPath: environment + "/pyvenv.cfg")

    private func configuration(pythonPath: String? = nil, environment: String = Self.environment) -> WorkerConfiguration
    {
        WorkerConfiguration(
            executable: "", virtualEnvironment: environment, pythonPath: pythonPath, cache: "/nonexistent",
            logs: "/nonexistent")
    }

    @Test(.enabled(if: hasPython, "needs `make setup`"))
    func codeThatATrainingRunsThroughIsPartOfItAndOtherCodeIsNot() async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "losslab-code-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        try FileManager.default.copyItem(at: Self.repository.appending(path: "Sources/Trainer/python"), to: folder)
        let copy = configuration(pythonPath: folder.path)
        let before = try await EngineIdentity.current(copy)
        #expect(try await EngineIdentity.current(configuration()) == before)
        #expect(before.versions.keys.contains("torch") && before.versions.keys.contains("transformers"))
        #expect(Set(before.code.keys) == ["check", "finetune", "reward", "train"])

        func changed(_ file: String) async throws -> Set<String> {
            let path = folder.appending(path: "losslab_trainer/\(file)")
            let text = try Data(contentsOf: path)
            try (text + Data("# changed\n".utf8)).write(to: path)
            defer { try? text.write(to: path) }
            let after = try await EngineIdentity.current(copy)
            return Set(after.code.keys.filter { after.code[$0] != before.code[$0] })
        }
        #expect(try await changed("training.py") == ["finetune", "train"])
        #expect(try await changed("screening/probe.py") == ["check"])
        #expect(try await changed("finetune/loop.py") == ["finetune"])
        #expect(try await changed("plotting/picture.py").isEmpty)
        #expect(try await changed("loss_host.py").isSuperset(of: ["check", "finetune", "train"]))
    }

    @Test func aMissingEnvironmentSaysHowToMakeIt() async throws {
        let error = await #expect(throws: TrainerError.self) {
            try await EngineIdentity.current(configuration(environment: "/nonexistent/venv"))
        }
        #expect("\(try #require(error))".contains("`make setup` makes the virtual environment"))
    }

    @Test(.enabled(if: hasPython, "needs `make setup`")) func brokenCodeIsNamed() async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "losslab-code-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        try FileManager.default.copyItem(at: Self.repository.appending(path: "Sources/Trainer/python"), to: folder)
        try Data("def (\n".utf8).write(to: folder.appending(path: "losslab_trainer/training.py"))
        let error = await #expect(throws: TrainerError.self) {
            try await EngineIdentity.current(configuration(pythonPath: folder.path))
        }
        #expect("\(try #require(error))".contains("training.py, line 1"))
    }
}
