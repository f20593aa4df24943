import Foundation
public import LabCore
import Sandbox

/// Writes a model's GGUF file as a folder in Hugging Face layout, which the lab can train.
public struct ModelUnpacking: Sendable {
    private let helper: PythonHelper

    public init(by helper: PythonHelper) { self.helper = helper }

    private struct Job: Encodable {
        let file: String
        let folder: String
        let sha256: String
        let title: String
    }

    /// - Parameter file: the model's file, whole.
    /// - Throws: `LocalModelError`.
    public func unpack(_ model: LocalModel, file: String, into folder: String) async throws {
        let environment = ["HF_HUB_OFFLINE": "1", "HOME": NSHomeDirectory()]
        let log = helper.log("model-unpack.log")
        let child = try helper.start("unpack", [], log: log, environment: environment)
        let job = Job(file: file, folder: folder, sha256: model.sha256, title: model.title)
        let line = String(decoding: try JSONEncoder().encode(job), as: UTF8.self)
        try await withTaskCancellationHandler {
            try await child.send(line: line)
            for await line in child.events {
                guard let event = try? JSONDecoder().decode(HelperEvent.self, from: Data(line.utf8)) else { continue }
                if event.event == "done" { return }
                let message = event.message ?? "\(model.name) could not be unpacked"
                throw LocalModelError(event.kind == "disk" ? .disk : .content, message)
            }
            try Task.checkCancellation()
            throw LocalModelError(.setup, "unpacking \(model.name) ended by \(await child.wait())\(log.hint)")
        } onCancel: {
            child.killTree()
        }
    }
}

/// A line that a helper program writes.
struct HelperEvent: Decodable {
    let event: String
    let source: String?
    let done: Int?
    let total: Int?
    let path: String?
    let kind: String?
    let message: String?
}
