import Foundation
import Testing

extension Program {
    /// The model and pairs of another program's folder, copied; where there is none, made.
    func tinyModel(of other: Program?) throws {
        guard let other else { return _ = try tinyModel() }
        for name in ["model", "pairs.jsonl"] {
            try FileManager.default.copyItem(
                at: other.folder.appending(path: name), to: folder.appending(path: name))
        }
    }

    /// Eighty pairs whose chosen answers end alike, with a column that nothing uses, and a Llama of some twenty thousand weights trained on them.
    func tinyModel() throws -> (pairs: String, model: String) {
        let words = ["the", "cat", "dog", "house", "runs", "sees", "likes", "never", "red", "small", "and", "why"]
        func sentence(_ seed: Int) -> String {
            (0..<6).map { words[(seed * 7 + $0 * $0 * 5 + seed / 3) % words.count] }.joined(separator: " ")
        }
        let lines = (0..<80).map { row in
            #"{"prompt": "\#(sentence(row)) \#(row)", "chosen": " \#(sentence(row + 1)) yes", "#
                + #""rejected": " \#(sentence(row + 2)) no", "origin": \#(row)}"#
        }
        let pairs = try write(lines.joined(separator: "\n") + "\n", to: "pairs.jsonl")
        let model = folder.appending(path: "model").path
        let process = Process()
        process.executableURL = Self.repository.appending(path: ".venv/bin/python")
        process.arguments = [
            "-m", "losslab_trainer.bench.small_llama", "--dataset", pairs, "--output", model, "--steps", "3",
            "--hidden", "32", "--layers", "1", "--vocabulary", "300",
        ]
        process.environment = [
            "PYTHONPATH": Self.repository.appending(path: "Sources/Trainer/python").path, "OMP_NUM_THREADS": "1",
            "HF_HUB_OFFLINE": "1", "HOME": folder.path, "PATH": "/usr/bin:/bin",
        ]
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0)
        return (pairs, model)
    }
}
