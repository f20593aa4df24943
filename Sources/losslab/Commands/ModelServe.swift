import ArgumentParser
import Foundation
import LabConfig
import LabCore
import LocalModels

/// `losslab model serve NAME`: an OpenAI-compatible server of a model on this machine, until Ctrl-C.
struct ModelServe: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "Serve a model on a loopback port, and print its address and key.",
        discussion: """
            A recipe needs no such server: `endpoint: {embedded: NAME}` starts its own. The model is fetched first where \
            it is missing.
            """)

    @Argument(help: "The model; `losslab model list` shows them.")
    var name: String?

    @Option(help: "Serve this GGUF file instead.", completion: .file())
    var file: String?

    @Option(help: "Port; 0 takes a free one.")
    var port = 0

    @Option(help: "Replies written at the same time.")
    var slots = LocalModelDefaults.slots

    @Option(help: "Tokens of prompt and reply together, in each slot.")
    var contextTokens = LocalModelDefaults.contextTokens

    @Option(help: "Threads that compute. Default: one a core.")
    var threads: Int?

    @OptionGroup var projectOption: ProjectOption
    @OptionGroup var formatOption: FormatOption

    private struct Address: Encodable {
        let model: String
        let baseURL: String
        let key: String
        let process: Int32?
    }

    func validate() throws {
        guard (name != nil) != (file != nil) else { throw ValidationError("name a model, or a GGUF file with --file") }
        guard (0...65_535).contains(port) else { throw ValidationError("--port must be from 0 to 65535") }
        for (option, value) in [("--slots", slots), ("--context-tokens", contextTokens), ("--threads", threads ?? 1)]
        where value < 1 {
            throw ValidationError("\(option) must be at least 1")
        }
    }

    func run() async throws {
        let project = try projectOption.resolve()
        let catalogue = try readingInput { try ModelCatalogue.load() }
        let model = try readingInput {
            try file.map { try ownModel(named: "local", file: $0, form: .chat, contextTokens: contextTokens) }
                ?? catalogue.model(named: name ?? "")
        }
        let options = ModelServer.Options(
            port: port, slots: slots, context: min(contextTokens, model.contextTokens), threads: threads)
        let format = formatOption.format
        try await orFail {
            let room = MachineRoom.current(folder: catalogue.folder)
            if let shortage = room.shortage(
                of: model, slots: slots, context: options.context, isFetched: catalogue.has(model) || file != nil)
            {
                throw shortage
            }
            let path = try await fetched(model, in: catalogue, by: project.pythonHelper)
            let server = try await ModelServer.start(model, file: path, options, by: project.pythonHelper) {
                log("losslab: \($0)")
            }
            let address = Address(
                model: model.name, baseURL: server.baseURL, key: server.key, process: server.processIdentifier)
            switch format {
            case .json: try printJSON(address)
            case .table:
                print("model     \(address.model)\nbase URL  \(address.baseURL)\nkey       \(address.key)")
                log("\(options.slots) replies at a time of \(options.context) tokens; Ctrl-C ends the server")
            }
            fflush(nil)
            // Ctrl-C ends this process, and with it the server.
            throw LocalModelError(.server, await server.wait())
        }
    }
}
