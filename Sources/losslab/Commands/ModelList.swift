import ArgumentParser
import Foundation
import LabConfig
import LabCore
import LocalModels

struct ModelCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "model",
        abstract: "Language models that come with the lab: list, fetch, remove, serve.",
        subcommands: [ModelList.self, ModelFetchCommand.self, ModelUnpack.self, ModelRemove.self, ModelServe.self])
}

/// `losslab model list`: what can be fetched, what is here, and what it needs.
struct ModelList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Show the models that the lab can fetch and serve.",
        discussion: "A recipe uses one with `endpoint: {embedded: NAME}`.")

    @OptionGroup var formatOption: FormatOption

    private struct Row: Encodable {
        let model: LocalModel
        /// Where the file is or will be.
        let file: String
        let isFetched: Bool
        /// With the slots and context that a recipe gets where it says nothing.
        let memoryBytes: Int
    }

    func run() async throws {
        let catalogue = try readingInput { try ModelCatalogue.load() }
        let rows = catalogue.models.map { model in
            let context = min(LocalModelDefaults.contextTokens, model.contextTokens)
            return Row(
                model: model, file: catalogue.file(of: model), isFetched: catalogue.has(model),
                memoryBytes: model.memory(slots: LocalModelDefaults.slots, context: context))
        }
        switch formatOption.format {
        case .json: try printJSON(rows)
        case .table:
            var table = TextTable(["model", "title", "licence", "disk", "memory", "asked by", "tokens/s", "state"])
            for row in rows {
                let speed = row.model.tokensPerSecond.map { "\(compact($0)) (\(row.model.speedBasis ?? "measured"))" }
                table.add([
                    row.model.name, row.model.title, row.model.license, gigabytes(row.model.bytes),
                    gigabytes(row.memoryBytes), row.model.form.rawValue, speed ?? "not measured",
                    row.isFetched ? row.file : row.model.file.map { "missing: \($0)" } ?? "not fetched",
                ])
            }
            print(table.text)
        }
    }
}
