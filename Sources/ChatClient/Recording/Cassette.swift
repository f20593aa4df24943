import Foundation
import Synchronization

/// Whole conversations in a file of JSON lines: recorded for audits, replayed for tests.
///
/// A reply is found by its whole request, whatever the order of calls. The same request asked several times gets its
/// recorded replies in their order. Lines hold no keys.
public final class Cassette: Sendable {
    public enum Mode: String, Codable, Sendable, CaseIterable {
        /// Every call goes to the server and is added to the file.
        case record
        /// No call goes to the server.
        case replay
        /// What the file lacks goes to the server and is added.
        case extend
    }

    struct Line: Codable {
        let hash: String
        let provider: ChatEndpoint.Provider
        let endpoint: String
        let request: ChatRequest
        let reply: ChatReply?
        let error: RecordedError?
    }

    struct RecordedError: Codable {
        let kind: ChatError.Kind
        let message: String
        let status: Int?
    }

    private struct State {
        var lines: [String: [Line]] = [:]
        var asked: [String: Int] = [:]
    }

    public let file: String
    public let mode: Mode
    private let state: Mutex<State>

    /// - Throws: `ChatError` when the file cannot be read, or holds a line that is none. A last line that was cut off
    ///   by a crash is taken away.
    public init(_ file: String, mode: Mode) throws {
        self.file = file
        self.mode = mode
        var state = State()
        let data = FileManager.default.contents(atPath: file)
        if data == nil, mode == .replay {
            throw ChatError(.configuration, "the cassette \(file) cannot be read")
        }
        let whole = (data ?? Data()).lastIndex(of: 0x0A).map { (data ?? Data())[...$0] } ?? Data()
        for (number, bytes) in whole.split(separator: 0x0A).enumerated() where mode != .record {
            guard let line = try? JSONDecoder().decode(Line.self, from: bytes) else {
                throw ChatError(.configuration, "the cassette \(file), line \(number + 1), is no recorded call")
            }
            state.lines[line.hash, default: []].append(line)
        }
        if mode != .replay, let data, whole.count < data.count, truncate(file, whole.count) != 0 {
            throw ChatError(.configuration, "the cassette \(file) ends in half a line and cannot be written")
        }
        self.state = Mutex(state)
    }

    /// The next recorded reply to a request; `nil` when the call is to go to the server.
    ///
    /// - Throws: the recorded error, or one of kind `configuration` when only a recording is allowed and there is none.
    func replay(_ request: ChatRequest, at endpoint: ChatEndpoint) throws -> ChatReply? {
        guard mode != .record else { return nil }
        let hash = try RequestHash.of(request, endpoint.provider.rawValue)
        let line = state.withLock { state -> Line? in
            let asked = state.asked[hash, default: 0]
            guard let lines = state.lines[hash], asked < lines.count else { return nil }
            state.asked[hash] = asked + 1
            return lines[asked]
        }
        if let error = line?.error { throw ChatError(error.kind, error.message, status: error.status) }
        if let reply = line?.reply { return reply }
        guard mode == .replay else { return nil }
        let start = request.texts.last?.prefix(60) ?? ""
        throw ChatError(
            .configuration,
            "the cassette \(file) holds no further reply of \(request.model) to the text that begins with "
                + "\"\(start)\"; record it anew")
    }

    /// Adds a call to the file.
    func record(
        _ result: Result<ChatReply, ChatError>, to request: ChatRequest, at endpoint: ChatEndpoint, _ secrets: Secrets
    ) throws {
        guard mode != .replay else { return }
        var reply: ChatReply?
        var error: RecordedError?
        switch result {
        case .success(let value): reply = value
        case .failure(let failure):
            // What this side decided says nothing about the server.
            guard ![.cancelled, .budgetReached, .configuration].contains(failure.kind) else { return }
            error = RecordedError(kind: failure.kind, message: failure.message, status: failure.status)
        }
        let line = Line(
            hash: try RequestHash.of(request, endpoint.provider.rawValue), provider: endpoint.provider,
            endpoint: endpoint.name, request: request, reply: reply, error: error)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        var bytes = Array(try encoder.encode(line))
        if secrets.occur(in: bytes) { bytes = Array(secrets.scrubbed(String(decoding: bytes, as: UTF8.self)).utf8) }
        bytes.append(0x0A)
        try append(bytes)
    }

    /// One write at the file's end, so that processes and tasks cannot mix their lines.
    private func append(_ bytes: [UInt8]) throws {
        let descriptor = open(file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o600)
        defer { if descriptor >= 0 { close(descriptor) } }
        let written = state.withLock { _ in bytes.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) } }
        guard descriptor >= 0, written == bytes.count else {
            throw ChatError(
                .configuration, "the cassette \(file) cannot be written: \(String(cString: strerror(errno)))")
        }
    }
}
