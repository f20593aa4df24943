import Foundation
import LabCore
import Synchronization

/// Fetches files over HTTP and keeps only what has the expected contents.
public struct HTTPDownload: Sendable {
    /// Most bytes of one file.
    public var largest: Int
    public var timeouts: ChatTimeouts
    /// Certificates to trust instead of the system's, in PEM.
    public var caFile: String?
    public var proxy: String?
    private let waiting: Waiting

    public static let usualTimeouts = ChatTimeouts(firstByte: .seconds(60), total: .seconds(3600))

    /// - Parameters:
    ///   - notes: told what is awaited, once that has taken long.
    ///   - patience: how long that is.
    public init(
        largest: Int = 1 << 30, timeouts: ChatTimeouts = usualTimeouts, caFile: String? = nil, proxy: String? = nil,
        notes: @escaping @Sendable (String) -> Void = { _ in }, patience: Duration = .seconds(20)
    ) {
        waiting = Waiting(patience: patience, tell: notes)
        self.largest = largest
        self.timeouts = timeouts
        self.caFile = caFile
        self.proxy = proxy
    }

    /// Puts the file of a URL at `path`; redirects are followed, though never from https to http.
    ///
    /// Until its SHA-256 is found right the file has another name, so at `path` is either the whole file or what was
    /// there before.
    ///
    /// - Parameters:
    ///   - sha256: 64 hexadecimal digits.
    ///   - size: bytes expected, where known.
    /// - Throws: `ChatError` naming the URL.
    public func download(_ url: String, to path: String, sha256: String, size: Int? = nil) async throws {
        let partial = path + ".part-\(UUID().uuidString.prefix(8))"
        guard FileManager.default.createFile(atPath: partial, contents: nil),
            let handle = FileHandle(forWritingAtPath: partial)
        else { throw ChatError(.configuration, "cannot write \(partial) for the download of \(url)") }
        defer { try? FileManager.default.removeItem(atPath: partial) }
        let sink = Mutex(Sink(handle: handle))
        var request = HTTPRequest(url: url, timeouts: timeouts, caFile: caFile, proxy: proxy)
        request.headers = ["User-Agent: losslab", "Accept: */*"]
        request.largestBody = min(largest, size ?? .max)
        request.followsRedirects = true
        request.keepsBody = false
        request.avoidsProxies = proxy == nil && ChatEndpoint(baseURL: url).isLoopback
        request.onBytes = { piece in sink.withLock { $0.take(piece) } }
        let awaited = Waiting.Request(url, timeouts)
        request.onArrival = { awaited.took($0) }
        let asked = request
        let outcome = await waiting.during(awaited) { await CurlLoop.shared.send(asked) }
        try? handle.synchronize()
        try? handle.close()
        switch outcome {
        case .failure(let failure): throw error(failure, url, limit: asked.largestBody)
        case .success(let response):
            guard response.status == 200 else {
                throw ChatError(
                    .serverError, "the download of \(url) was answered with HTTP \(response.status)",
                    status: response.status)
            }
        }
        let count = sink.withLock { $0.count }
        if let size, count != size {
            throw ChatError(.malformedReply, "\(url) has \(count) bytes, expected \(size); nothing was kept")
        }
        // Here and not while it arrives, for the transport's thread serves others too.
        let digest = try Self.digest(of: partial)
        guard digest == sha256.lowercased() else {
            throw ChatError(
                .malformedReply,
                "\(url) has the SHA-256 \(digest), expected \(sha256.lowercased()); nothing was kept")
        }
        guard rename(partial, path) == 0 else {
            throw ChatError(.configuration, "cannot move the download of \(url) to \(path)")
        }
    }

    private static func digest(of file: String) throws -> String {
        let handle = try FileHandle(forReadingFrom: URL(filePath: file))
        defer { try? handle.close() }
        var hasher = SHA256()
        while let piece = try handle.read(upToCount: 1 << 20), !piece.isEmpty { hasher.update(piece) }
        return hasher.finish()
    }

    /// Writes the file as it arrives.
    private struct Sink {
        let handle: FileHandle
        var count = 0

        mutating func take(_ piece: UnsafeRawBufferPointer) -> Bool {
            count += piece.count
            return (try? handle.write(contentsOf: Data(piece))) != nil
        }
    }

    private func error(_ failure: TransportFailure, _ url: String, limit: Int) -> ChatError {
        let kind: ChatError.Kind =
            switch failure.kind {
            case .connectTimeout, .firstByteTimeout, .stalled, .totalTimeout: .timedOut
            case .cancelled: .cancelled
            case .tooLarge: .malformedReply
            case .brokenOff, .unusable: .configuration
            case .untrusted, .connection: .network
            }
        let story =
            switch failure.kind {
            case .tooLarge: "it is larger than \(limit) bytes"
            case .brokenOff: "the file could not be written"
            case .connectTimeout: "the server could not be reached within \(timeouts.connect.text)"
            case .firstByteTimeout: "nothing came for \(timeouts.firstByte.text)"
            case .stalled: "nothing more came for \(timeouts.stall.text)"
            case .totalTimeout: "it took longer than \(timeouts.total.text)"
            default: failure.message
            }
        return ChatError(kind, "the download of \(url) failed: \(story)")
    }
}
