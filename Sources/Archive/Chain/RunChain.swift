import Foundation
import LabCore
import Synchronization

/// One file, or a piece of one that grows, as it was when it was written.
struct ChainLink: Sendable, Equatable {
    /// Below the run's folder.
    let key: String
    let range: Range<Int>
    /// Of the bytes in the range.
    let sha256: String

    /// As a line without its beginning, which names the line before.
    var text: String { "\(range.lowerBound)\t\(range.upperBound)\t\(sha256)\t\(key)" }

    init(key: String, range: Range<Int>, sha256: String) {
        self.key = key
        self.range = range
        self.sha256 = sha256
    }

    init?(_ text: Substring) {
        let parts = text.split(separator: "\t", maxSplits: 3, omittingEmptySubsequences: false)
        guard parts.count == 4, let from = Int(parts[0]), let to = Int(parts[1]), 0 <= from, from <= to else {
            return nil
        }
        self.init(key: String(parts[3]), range: from..<to, sha256: String(parts[2]))
    }

    /// What stands before the text: the hash of the line before and of the text, so that no line can be changed or taken
    /// out alone.
    func seal(after previous: String) -> String { ContentHash.sha256(Array("\(previous)\t\(text)".utf8)) }
}

/// The SHA-256 of every file of a run, in `manifest.chain` beside the manifest: lines that are only ever added.
///
/// A file is entered right after it was written, one that grows piece by piece, so that resuming reads nothing again.
final class RunChain: Sendable {
    static let file = "manifest.chain"

    let folder: String
    private let state: Mutex<State>

    private struct State {
        let lines: LineFile
        var head: String
        /// How far each file is entered, and the hash of one that was entered whole.
        var known: [String: Known]
    }

    private struct Known {
        var end: Int
        var whole: String?
    }

    /// Opens the chain of a run, or begins it.
    init(_ folder: String) throws {
        self.folder = folder
        let content = try ChainContent.read(folder)
        var known: [String: Known] = [:]
        for link in content.links { Self.note(link, in: &known) }
        state = Mutex(State(lines: try LineFile("\(folder)/\(Self.file)"), head: content.head, known: known))
    }

    /// Of the last line; the archive keeps it too, so that a chain that was written anew shows.
    var head: String { state.withLock { $0.head } }

    func knows(_ key: String) -> Bool { state.withLock { $0.known[key] != nil } }

    private static func note(_ link: ChainLink, in known: inout [String: Known]) {
        known[link.key] = Known(
            end: link.range.upperBound, whole: link.range.lowerBound == 0 ? link.sha256 : nil)
    }

    /// Enters files that were just written, whole.
    func cover(_ files: [(key: String, bytes: [UInt8])]) throws {
        try enter(files.map { ChainLink(key: $0.key, range: 0..<$0.bytes.count, sha256: ContentHash.sha256($0.bytes)) })
    }

    /// Enters what was added to files that grow; one that was cut since is entered anew.
    func cover(growthOf keys: [String]) throws {
        var links: [ChainLink] = []
        for key in keys {
            guard let size = fileSize("\(folder)/\(key)") else { continue }
            let known = state.withLock { $0.known[key]?.end }
            guard size != known else { continue }
            let end = known ?? 0
            let range = size >= end ? end..<size : 0..<size
            guard let sha256 = try hash(of: range, in: "\(folder)/\(key)") else { continue }
            links.append(ChainLink(key: key, range: range, sha256: sha256))
        }
        try enter(links)
    }

    /// Enters files as they are now, such as pictures that another process drew.
    func cover(filesAt keys: [String]) throws {
        try cover(keys.compactMap { key in try readWhole("\(folder)/\(key)").map { (key, $0) } })
    }

    private func enter(_ links: [ChainLink]) throws {
        try state.withLock { state in
            var text: [UInt8] = []
            var head = state.head
            let new = links.filter { link in
                let known = state.known[link.key]
                return link.range.lowerBound > 0 || known?.whole != link.sha256 || known?.end != link.range.upperBound
            }
            guard !new.isEmpty else { return }
            for link in new {
                head = link.seal(after: head)
                if !text.isEmpty { text.append(UInt8(ascii: "\n")) }
                text += "\(head)\t\(link.text)".utf8
            }
            try state.lines.append(text)
            for link in new { Self.note(link, in: &state.known) }
            state.head = head
        }
    }
}

/// What a chain says.
struct ChainContent {
    var links: [ChainLink] = []
    /// The beginning of every line, in order.
    var seals: Set<String> = []
    var head = ""
    /// The first line that does not follow from the one before, from 1.
    var brokenLine: Int?

    static func exists(_ folder: String) -> Bool { fileSize("\(folder)/\(RunChain.file)") != nil }

    static func read(_ folder: String) throws -> ChainContent {
        var content = ChainContent()
        for (index, line) in try LineFile.lines("\(folder)/\(RunChain.file)").enumerated() {
            let text = String(decoding: line, as: UTF8.self)
            guard let tab = text.firstIndex(of: "\t"), let link = ChainLink(text[text.index(after: tab)...]) else {
                content.brokenLine = content.brokenLine ?? index + 1
                continue
            }
            let seal = String(text[..<tab])
            if link.seal(after: content.head) != seal { content.brokenLine = content.brokenLine ?? index + 1 }
            content.links.append(link)
            content.seals.insert(seal)
            content.head = seal
        }
        return content
    }
}

func fileSize(_ path: String) -> Int? {
    var status = stat()
    guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
    return Int(status.st_size)
}

/// The SHA-256 of a part of a file, read piece by piece; `nil` where the file does not have it.
func hash(of range: Range<Int>, in path: String) throws -> String? {
    guard let descriptor = try openedForReading(path) else { return nil }
    defer { close(descriptor) }
    var hasher = SHA256()
    var buffer = [UInt8](repeating: 0, count: 1 << 18)
    var at = range.lowerBound
    while at < range.upperBound {
        let wanted = min(buffer.count, range.upperBound - at)
        let count = buffer.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, wanted, off_t(at)) }
        if count < 0, errno == EINTR { continue }
        guard count >= 0 else { throw ArchiveError.system(errno, path: path, doing: "read") }
        guard count > 0 else { return nil }
        buffer.withUnsafeBufferPointer { hasher.update(UnsafeBufferPointer(rebasing: $0[..<count])) }
        at += count
    }
    return hasher.finish()
}
