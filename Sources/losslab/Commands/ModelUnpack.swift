import ArgumentParser
import Foundation
import LabConfig
import LocalModels

/// `losslab model unpack NAME -o FOLDER`: a model's file as a folder that can be trained.
struct ModelUnpack: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "unpack",
        abstract: "Write a model's file as a folder in Hugging Face layout, which can be trained.",
        discussion: """
            The weights are the file's quantised numbers in float32: eight times its size, and as exact as the file. The \
            folder serves `loss rerun --model`, `loss compare`, `data label` and `policy:` in a recipe. The model is \
            fetched first where it is missing.
            """)

    @Argument(help: "The model; `losslab model list` shows them.")
    var name: String

    @Option(
        name: [.customShort("o"), .customLong("out")], help: "Folder to write; it must be new or empty.",
        completion: .directory)
    var output: String

    @OptionGroup var projectOption: ProjectOption

    func run() async throws {
        let project = try projectOption.resolve()
        let catalogue = try readingInput { try ModelCatalogue.load() }
        let model = try readingInput { try catalogue.model(named: name) }
        let folder = URL(filePath: NSString(string: output).expandingTildeInPath).standardizedFileURL.path
        try await orFail {
            let file = try await fetched(model, in: catalogue, by: project.pythonHelper)
            do {
                try await ModelUnpacking(by: project.pythonHelper).unpack(model, file: file, into: folder)
            } catch let error as LocalModelError where error.code == .content {
                log("losslab: \(plain(error))")
                throw ExitCode.badInput
            }
        }
        print(folder)
    }
}
