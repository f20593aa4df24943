import Foundation
import Proposer
import Synchronization

/// Every call of the proposing model as lines of `conversations/NNNN.jsonl` in a run directory, a file a candidate.
///
/// A folder of its own, because a conversation begins before its candidate has a name, and may end without one.
final class ConversationFiles: ConversationLog {
    private struct State {
        /// Identities of the finished calls in the files that this process has opened.
        var known: [Int: Set<String>] = [:]
    }

    let folder: String
    private let state = Mutex(State())

    init(_ runDirectory: String) { folder = Self.folder(in: runDirectory) }

    private static func folder(in runDirectory: String) -> String { runDirectory + "/conversations" }

    private static func path(of candidate: Int, in folder: String) -> String {
        let digits = "\(candidate)"
        return "\(folder)/\(String(repeating: "0", count: max(0, 4 - digits.count)))\(digits).jsonl"
    }

    func append(_ exchange: Exchange) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let line = try encoder.encode(exchange) + Data("\n".utf8)
        let path = Self.path(of: exchange.candidate, in: folder)
        try state.withLock { state in
            var known = try state.known[exchange.candidate] ?? Self.open(path)
            if let identity = exchange.identity {
                guard known.insert(identity).inserted else { return }
            }
            let handle = try FileHandle(forWritingTo: URL(filePath: path))
            defer { try? handle.close() }
            try handle.seekToEnd()
            try handle.write(contentsOf: line)
            state.known[exchange.candidate] = known
        }
    }

    /// Makes the file, or cuts off a line that a kill tore and reads what is there.
    private static func open(_ path: String) throws -> Set<String> {
        let manager = FileManager.default
        try manager.createDirectory(
            at: URL(filePath: path).deletingLastPathComponent(), withIntermediateDirectories: true)
        guard let data = manager.contents(atPath: path) else {
            guard manager.createFile(atPath: path, contents: nil) else {
                throw CocoaError(.fileWriteUnknown, userInfo: [NSFilePathErrorKey: path])
            }
            return []
        }
        let whole = data.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
        if whole < data.count {
            let handle = try FileHandle(forWritingTo: URL(filePath: path))
            try handle.truncate(atOffset: UInt64(whole))
            try handle.close()
        }
        return Set(exchanges(in: data.prefix(whole)).compactMap(\.identity))
    }

    private static func exchanges(in data: Data) -> [Exchange] {
        data.split(separator: UInt8(ascii: "\n")).compactMap { try? JSONDecoder().decode(Exchange.self, from: $0) }
    }

    /// All calls of a campaign, candidate by candidate.
    static func exchanges(of runDirectory: String) -> [Exchange] {
        let folder = folder(in: runDirectory)
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return names.filter { $0.hasSuffix(".jsonl") }.sorted().flatMap { name in
            exchanges(in: FileManager.default.contents(atPath: "\(folder)/\(name)") ?? Data())
        }
    }
}
