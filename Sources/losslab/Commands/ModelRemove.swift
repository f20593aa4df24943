import ArgumentParser
import Foundation
import LabConfig

/// `losslab model remove NAME`: deletes what was fetched of a model, or its registration.
struct ModelRemove: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "remove", abstract: "Delete a fetched model's file, or the registration of a file of your own.")

    @Argument(help: "The model; `losslab model list` shows them.")
    var name: String

    func run() async throws {
        let catalogue = try readingInput { try ModelCatalogue.load() }
        let model = try readingInput { try catalogue.model(named: name) }
        let base = "\(catalogue.folder)/\(name)"
        // A registered file stays: it is the user's own.
        let paths =
            model.file != nil ? [catalogue.registration(of: name)] : [".gguf", ".parts", ".lock"].map { base + $0 }
        let present = paths.filter { FileManager.default.fileExists(atPath: $0) }
        try await orFail { for path in present { try FileManager.default.removeItem(atPath: path) } }
        print(present.isEmpty ? "\(name) was not here." : "\(name): \(present.joined(separator: ", ")) removed.")
    }
}
