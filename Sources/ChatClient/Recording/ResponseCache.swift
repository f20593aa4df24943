import Foundation
import LabCore

/// Replies on disk by their whole request and server, so that judging the same answer twice costs once.
///
/// Used for requests with temperature 0 and one reply, where another call would at best repeat the first; processes may
/// share a folder.
public struct ResponseCache: Sendable {
    public let folder: String
    /// Also caches requests that would be answered differently each time.
    public let takesAnyTemperature: Bool

    /// - Throws: `ChatError` when the folder cannot be made.
    public init(_ folder: String, takesAnyTemperature: Bool = false) throws {
        self.folder = folder
        self.takesAnyTemperature = takesAnyTemperature
        do {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        } catch {
            throw ChatError(.configuration, "the folder \(folder) for cached replies cannot be made: \(error)")
        }
    }

    private struct Entry: Codable {
        let endpoint: String
        let provider: ChatEndpoint.Provider
        let request: ChatRequest
        let reply: ChatReply
    }

    func takes(_ request: ChatRequest) -> Bool {
        takesAnyTemperature || (request.temperature == 0 && request.n == 1)
    }

    /// A file that cannot be read, or that was changed since, is as good as none.
    func reply(to request: ChatRequest, at endpoint: ChatEndpoint) throws -> ChatReply? {
        guard let data = FileManager.default.contents(atPath: try path(request, endpoint)) else { return nil }
        let content: [UInt8]
        switch Sealed.open([UInt8](data), as: try key(of: request, at: endpoint)) {
        case .sound(let sound): content = sound
        case .changed: return nil
        // Of an older version, and paid for.
        case .unsealed: content = [UInt8](data)
        }
        guard let entry = try? JSONDecoder().decode(Entry.self, from: Data(content)), entry.request == request,
            entry.endpoint == endpoint.baseURL, entry.provider == endpoint.provider
        else { return nil }
        return entry.reply
    }

    func store(_ reply: ChatReply, to request: ChatRequest, at endpoint: ChatEndpoint, _ secrets: Secrets) throws {
        let entry = Entry(endpoint: endpoint.baseURL, provider: endpoint.provider, request: request, reply: reply)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let bytes = Array(try encoder.encode(entry))
        // A request that holds the key itself is not for a file.
        guard !secrets.occur(in: bytes) else { return }
        let sealed = Sealed.seal(bytes, as: try key(of: request, at: endpoint))
        try Data(sealed).write(to: URL(filePath: try path(request, endpoint)), options: .atomic)
    }

    /// Names a request to a server: equal ones have equal names.
    func key(of request: ChatRequest, at endpoint: ChatEndpoint) throws -> String {
        try RequestHash.of(request, endpoint.baseURL, endpoint.provider.rawValue)
    }

    private func path(_ request: ChatRequest, _ endpoint: ChatEndpoint) throws -> String {
        "\(folder)/\(try key(of: request, at: endpoint)).json"
    }
}
