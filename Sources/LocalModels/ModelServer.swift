import Foundation
public import LabCore
import Sandbox
import Synchronization

/// One model served by llama.cpp on a loopback port; the server ends with this process, however that ends.
///
/// Cores are shared by turns: a campaign writes a generation's losses before it trains them, so the server may have every
/// core while it writes. Its threads sleep when they wait, for each other and for requests, so that an idle server costs
/// the trainings nothing and a busy one slows no more than its share when other programs run.
public final class ModelServer: Sendable {
    /// What is served and how much of the machine it may have.
    public struct Options: Sendable {
        /// 0 takes a free port.
        public var port: Int
        /// Replies written at the same time.
        public var slots: Int
        /// Tokens of prompt and reply together, in each slot.
        public var context: Int
        public var threads: Int

        /// - Parameter threads: `nil` for one a core.
        public init(
            port: Int = 0, slots: Int = 2, context: Int = 8_192,
            threads: Int? = nil
        ) {
            self.port = port
            self.slots = slots
            self.context = context
            self.threads = threads ?? ProcessInfo.processInfo.activeProcessorCount
        }
    }

    /// Such as `http://127.0.0.1:4321/v1`.
    public let baseURL: String
    /// What requests must carry.
    public let key: String
    private let child: Mutex<ChildProcess?>
    private let ended = Mutex(false)
    private let watching = Mutex<Task<String, Never>?>(nil)

    private struct Event: Decodable {
        let event: String
        let baseURL: String?
        let message: String?

        enum CodingKeys: String, CodingKey {
            case event, message
            case baseURL = "base_url"
        }
    }

    /// Reading a large file from a slow disk takes minutes.
    private static let startLimit = Duration.seconds(600)

    /// Starts a server and waits until it answers.
    ///
    /// - Parameters:
    ///   - file: the GGUF file; its SHA-256 is checked first.
    ///   - said: told a sentence when the server ended and is started once more, and when it ended again.
    /// - Throws: `LocalModelError`.
    public static func start(
        _ model: LocalModel, file: String, _ options: Options, by helper: PythonHelper,
        said: @escaping @Sendable (String) -> Void
    ) async throws -> ModelServer {
        var generator = SystemRandomNumberGenerator()
        let key = (0..<4).map { _ in String(generator.next(), radix: 36) }.joined()
        let launch = Launch(model: model, file: file, options: options, helper: helper, key: key)
        let (child, baseURL) = try await launch.start()
        let server = ModelServer(baseURL: baseURL, key: key, child: child)
        let watching = Task { await server.watch(child, launch, said) }
        server.watching.withLock { $0 = watching }
        return server
    }

    private init(baseURL: String, key: String, child: ChildProcess) {
        self.baseURL = baseURL
        self.key = key
        self.child = Mutex(child)
    }

    /// Ends the server.
    public func stop() {
        ended.withLock { $0 = true }
        child.withLock { child in
            child?.killTree()
            child = nil
        }
    }

    /// Waits until the server has ended and is not started again; a sentence that says why.
    public func wait() async -> String {
        await watching.withLock { $0 }?.value ?? ""
    }

    /// The server's process.
    public var processIdentifier: Int32? { child.withLock { $0?.processIdentifier } }

    /// Starts a server that died once more, at the same address, so that requests which are tried again find it.
    ///
    /// - Returns: why it does not run any more.
    private func watch(_ first: ChildProcess, _ launch: Launch, _ said: @Sendable (String) -> Void) async -> String {
        let name = "the server of \(launch.model.name)"
        let exit = await first.wait()
        guard !ended.withLock({ $0 }) else { return "\(name) was stopped" }
        said("\(name) ended by \(exit) and is started once more\(launch.log.hint)")
        let last: String
        do {
            let (second, _) = try await launch.start(port: URLComponents(string: baseURL)?.port)
            child.withLock { $0 = second }
            // Stopped while it started: nobody else would end it.
            if ended.withLock({ $0 }) { second.killTree() }
            last =
                "\(name) ended again by \(await second.wait()) and is not started a third time\(launch.log.hint)"
        } catch {
            last = "\(name) did not start again: \(error)"
        }
        guard !ended.withLock({ $0 }) else { return "\(name) was stopped" }
        said(last)
        return last
    }

    /// All that it takes to start the server, once or again.
    private struct Launch: Sendable {
        let model: LocalModel
        let file: String
        let options: Options
        let helper: PythonHelper
        let key: String

        var log: ChildLog { helper.log("model-\(model.name).log") }

        func start(port: Int? = nil) async throws -> (ChildProcess, baseURL: String) {
            let child = try helper.start(
                "serve",
                [
                    "--model", file, "--alias", model.name, "--port", "\(port ?? options.port)", "--slots",
                    "\(options.slots)", "--context", "\(options.context)", "--threads", "\(options.threads)",
                    "--sha256", model.sha256,
                ], log: log)
            try await child.send(line: key)
            let watchdog = Task {
                try await Task.sleep(for: startLimit)
                child.killTree()
            }
            defer { watchdog.cancel() }
            return try await withTaskCancellationHandler {
                for await line in child.events {
                    guard let event = try? JSONDecoder().decode(Event.self, from: Data(line.utf8)) else { continue }
                    if event.event == "ready", let url = event.baseURL { return (child, url) }
                    throw LocalModelError(
                        .server, "\(event.message ?? "\(model.name) cannot be served")\(log.hint)")
                }
                try Task.checkCancellation()
                throw LocalModelError(
                    .server,
                    "the server of \(model.name) ended by \(await child.wait()) before it answered\(log.hint)")
            } onCancel: {
                child.killTree()
            }
        }
    }
}
