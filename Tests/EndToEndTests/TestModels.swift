import Foundation

/// Language models for tests: taken from the user's cache where they are there, else fetched once into the repository's.
enum TestModels {
    /// What a program needs in its environment to find the model.
    static func environment(for name: String) -> [String: String] {
        let home = ProcessInfo.processInfo.environment["HOME"] ?? NSHomeDirectory()
        let isThere = FileManager.default.fileExists(atPath: "\(home)/.cache/losslab/models/\(name).gguf")
        return isThere ? [:] : ["LOSSLAB_CACHE": Program.repository.appending(path: ".cache/test-models").path]
    }

    /// A program that can serve the model; `nil`, and a word, where it cannot be had.
    static func program(with name: String) throws -> Program? {
        let program = try Program()
        let fetched = try program.run("model", "fetch", name, environment: environment(for: name))
        guard fetched.code == 0 else {
            program.remove()
            print("skipped, for the model cannot be fetched here: \(fetched.errors)")
            return nil
        }
        return program
    }
}
