import Foundation
import LoopbackServers
import Synchronization

@testable import ChatClient

/// The misbehaving server of `Tests/Fixtures/chat`, running for one test or suite.
final class ScriptedServer: Sendable {
    /// One for all tests of this process: their models' names keep them apart. It ends with the process.
    static let shared = Result { try ScriptedServer() }

    var port: Int { server.port }
    private let server: FixtureServer
    private let isTLS: Bool

    static let certificate = FixtureServer.fixtures.appending(path: "chat/loopback-certificate.pem").path

    static let key = FixtureServer.fixtures.appending(path: "chat/loopback-key.pem").path

    init(tls: Bool = false) throws {
        let options = tls ? ["--tls-certificate", Self.certificate, "--tls-key", Self.key] : []
        server = try FixtureServer(fixture: "chat/scripted_server.py", options)
        isTLS = tls
    }

    /// One that speaks HTTP/2, over TLS.
    init(http2 python: String) throws {
        server = try FixtureServer(fixture: "chat/http2_server.py", [Self.certificate, Self.key], python: python)
        isTLS = true
    }

    var root: String { "\(isTLS ? "https" : "http")://127.0.0.1:\(port)" }

    /// An endpoint that retries without long waits.
    func endpoint(_ provider: ChatEndpoint.Provider = .openai, retries: Int = 3) -> ChatEndpoint {
        ChatEndpoint(
            name: "scripted", provider: provider, baseURL: root + "/v1", retries: retries,
            backoff: .milliseconds(20))
    }

    struct Seen: Decodable {
        let time: Double
        let path: String
        let headers: [String: String]
        let body: Body

        /// What tests look at of a request's body.
        struct Body: Decodable {
            struct Message: Decodable {
                let role: String
                let content: String
            }

            let messages: [Message]?
            let prompt: String?
            let system: String?
            let temperature: Double?
            let maxTokens: Int?
            let maxCompletionTokens: Int?
            let n: Int?
            let seed: Int?
            let stop: [String]?
            let stopSequences: [String]?
            let reasoningEffort: String?
            let responseFormat: Format?
            let stream: Bool?

            struct Format: Decodable {
                let type: String
            }
        }
    }

    /// The requests for a model that have come in.
    func seen(_ model: String) async throws -> [Seen] {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode([Seen].self, from: try await get("seen", model))
    }

    /// Requests for a model answered at the same time, at most.
    func most(_ model: String) async throws -> Int {
        try JSONDecoder().decode(Int.self, from: try await get("most", model))
    }

    /// Lets the requests go that a model's `held` holds back.
    func release(_ model: String) async throws { _ = try await get("release", model) }

    /// Returns when a model has been asked.
    func waitUntilAsked(_ model: String) async throws {
        while try await seen(model).isEmpty { try await Task.sleep(for: .milliseconds(10)) }
    }

    private func get(_ path: String, _ model: String) async throws -> Data {
        var parts = URLComponents(string: "\(root)/\(path)")!
        parts.queryItems = [URLQueryItem(name: "model", value: model)]
        let request = HTTPRequest(url: parts.string!, timeouts: .init())
        return Data(try await CurlLoop.shared.send(request).get().body)
    }
}

/// A model's name for one test: the script and something that no other test has.
func script(_ behaviours: String) -> String { "\(behaviours)#\(UUID().uuidString)" }

func ask(
    _ model: String, _ text: String = "Hello", maxTokens: Int? = 50, stream: Bool = false
) -> ChatRequest {
    ChatRequest(model: model, messages: [ChatMessage(.user, text)], maxTokens: maxTokens, stream: stream)
}

extension ChatClient {
    func complete(_ request: ChatRequest) async throws -> ChatReply {
        try await complete(request, for: ChatPurpose(step: "test"))
    }
}

/// A text to complete.
func complete(
    _ model: String, _ text: String = "def ", maxTokens: Int? = 50, n: Int = 1, stop: [String] = []
) -> ChatRequest {
    ChatRequest(model: model, completing: text, temperature: 0.8, maxTokens: maxTokens, n: n, seed: 5, stop: stop)
}

/// The error that a call ends with.
func chatError(_ body: () async throws -> ChatReply) async throws -> ChatError? {
    do {
        _ = try await body()
        return nil
    } catch let error as ChatError {
        return error
    }
}

/// What a client noted.
final class Notes: Sendable {
    private let kept = Mutex<[String]>([])

    var texts: [String] { kept.withLock { $0 } }

    func take(_ text: String) { kept.withLock { $0.append(text) } }
}

/// A folder that goes away with the test.
func withTemporaryFolder<Value>(_ body: (String) async throws -> Value) async throws -> Value {
    let folder = FileManager.default.temporaryDirectory.appending(path: "chat-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    return try await body(folder.path)
}
