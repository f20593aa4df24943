import ChatClient
import Foundation
import LabConfig
import LabCore
import LocalModels
import Trainer

/// The language models that a command serves itself: each is fetched where it is missing, started when it is first asked,
/// and shared by all that ask it.
actor EmbeddedModels {
    private let project: Project
    private var starting: [String: Task<ModelServer, any Error>] = [:]

    init(_ project: Project) { self.project = project }

    /// The running server of a model.
    ///
    /// - Throws: `LocalModelError`, `ConfigError` for a name that no model has.
    func server(of name: String, _ options: ModelServer.Options) async throws -> ModelServer {
        let project = project
        let key = Self.key(name, options)
        let task =
            starting[key]
            ?? Task {
                let catalogue = try ModelCatalogue.load()
                let model = try catalogue.model(named: name)
                let file = try await fetched(model, in: catalogue, by: project.pythonHelper)
                log("losslab: starting \(model.name) on \(options.threads) cores")
                return try await ModelServer.start(model, file: file, options, by: project.pythonHelper) {
                    log("losslab: \($0)")
                }
            }
        starting[key] = task
        do {
            return try await withTaskCancellationHandler {
                try await task.value
            } onCancel: {
                task.cancel()
            }
        } catch {
            starting[key] = nil
            throw error
        }
    }

    /// A client of the endpoint's server, which is started first where it is the lab's own.
    func client(
        _ endpoint: EndpointConfig, contextTokens: Int? = nil, prices: PriceTable, ledger: ChatLedger = .init(),
        cache: ResponseCache? = nil
    ) async throws -> ChatClient {
        guard let name = endpoint.embedded else {
            return try ChatClient(
                endpoint: endpoint.chatEndpoint(contextTokens: contextTokens), prices: prices, ledger: ledger,
                cache: cache, notes: { log("losslab: \($0)") })
        }
        let options = try Self.options(for: endpoint, contextTokens: contextTokens)
        let server = try await server(of: name, options)
        var asked = endpoint.chatEndpoint(contextTokens: options.context)
        asked.name = "\(name) on this machine"
        asked.baseURL = server.baseURL
        asked.keyEnvironment = Self.keyVariable
        // Long enough for a server that died to be started again.
        asked.retries = 8
        asked.backoff = .seconds(1)
        // Nothing else is ahead in a queue, so that a long wait is only slow writing.
        asked.timeouts = endpoint.timeouts.over(
            ChatTimeouts(
                firstByte: .seconds(3_600), stall: .seconds(600), total: .seconds(3_600), call: .seconds(7_200)))
        return try ChatClient(
            endpoint: asked, prices: PriceTable([name: .init(prompt: 0, completion: 0)]), ledger: ledger, cache: cache,
            notes: { log("losslab: \($0)") }, patience: .seconds(120), environment: [Self.keyVariable: server.key])
    }

    /// What an endpoint asks of the model's server.
    static func options(for endpoint: EndpointConfig, contextTokens: Int?) throws -> ModelServer.Options {
        let model = try ModelCatalogue.load().model(named: endpoint.embedded ?? "")
        let context = min(contextTokens ?? LocalModelDefaults.contextTokens, model.contextTokens)
        return ModelServer.Options(slots: endpoint.concurrency, context: context)
    }

    /// Whether the model was started for the same use already.
    func serves(_ name: String, _ options: ModelServer.Options) -> Bool { starting[Self.key(name, options)] != nil }

    private static func key(_ name: String, _ options: ModelServer.Options) -> String {
        "\(name) \(options.slots) \(options.context)"
    }

    /// Ends every server.
    func stop() async {
        for task in starting.values {
            task.cancel()
            if let server = try? await task.value { server.stop() }
        }
        starting = [:]
    }

    /// The key is handed over under this name and is in no environment.
    private static let keyVariable = "LOSSLAB_EMBEDDED_KEY"
}

/// The model's file, fetched with a progress bar where it is missing.
///
/// - Throws: `LocalModelError`.
func fetched(_ model: LocalModel, in catalogue: ModelCatalogue, by helper: PythonHelper) async throws -> String {
    let file = catalogue.file(of: model)
    if catalogue.has(model) { return file }
    if model.file != nil {
        throw LocalModelError(
            .content,
            "\(file) of the model \(model.name) is missing or not the \(model.bytes) bytes that were registered; register "
                + "it again with `losslab model fetch \(model.name) --file FILE.gguf`")
    }
    let bar = ProgressLine()
    defer { bar.finish() }
    return try await ModelFetch(by: helper).fetch(model, into: catalogue.folder) { progress in
        bar.show(
            "\(model.name) from \(progress.source), MB:", progress.done / 1_000_000, of: progress.total / 1_000_000)
    }
}

extension EndpointConfig {
    /// Where the model is, for messages.
    var place: String { embedded != nil ? "on this machine" : "at \(chatEndpoint().name)" }
}

extension Project {
    var pythonHelper: PythonHelper {
        PythonHelper(
            virtualEnvironment: virtualEnvironment, pythonPath: WorkerConfiguration.bundledPythonPath,
            logs: cache + "/logs")
    }
}
