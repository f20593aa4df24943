import Foundation
public import LabCore
import Synchronization

/// One line of `events.jsonl`: what happened, and when by the clock.
public struct TimedEvent: Codable, Sendable, Equatable {
    /// ISO 8601, UTC.
    public let at: String
    public let event: CampaignEvent

    public init(at: String, event: CampaignEvent) {
        self.at = at
        self.event = event
    }
}

/// Appends events, one JSON object a line; a line torn by a kill or a full disk is cut off, never joined to the next.
final class EventLog: Sendable {
    private let path: String
    private let descriptor: Mutex<Int32>

    init(_ path: String) throws {
        self.path = path
        let opened = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
        guard opened >= 0 else { throw ArchiveError.system(errno, path: path, doing: "written") }
        descriptor = Mutex(opened)
        var status = stat()
        fstat(opened, &status)
        let whole = Self.endOfWholeLines(opened, size: status.st_size)
        if whole < status.st_size { ftruncate(opened, whole) }
    }

    /// The place after the last line end, found from the back so that a long log opens as fast as a short one.
    private static func endOfWholeLines(_ descriptor: Int32, size: off_t) -> off_t {
        var end = size
        var block = [UInt8](repeating: 0, count: 1 << 16)
        while end > 0 {
            let start = max(0, end - off_t(block.count))
            let count = block.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, Int(end - start), start) }
            guard count > 0 else { return size }
            if let last = block[..<count].lastIndex(of: newline) { return start + off_t(last) + 1 }
            end = start
        }
        return 0
    }

    deinit { descriptor.withLock { _ = close($0) } }

    func append(_ event: TimedEvent) throws {
        let line = try ArchiveJSON.encode(event) + [newline]
        try descriptor.withLock { descriptor in
            var status = stat()
            fstat(descriptor, &status)
            do { try writeAll(line, to: descriptor, path: path) } catch {
                ftruncate(descriptor, status.st_size)
                throw error
            }
        }
    }

    /// All whole lines of a log, and the numbers of lines that are no events.
    static func read(_ path: String) throws -> (events: [TimedEvent], unreadableLines: [Int]) {
        guard let bytes = try readWhole(path), let end = bytes.lastIndex(of: newline) else { return ([], []) }
        var events: [TimedEvent] = []
        var unreadable: [Int] = []
        for (index, line) in bytes[..<end].split(separator: newline, omittingEmptySubsequences: false).enumerated() {
            if let event = try? ArchiveJSON.decode(TimedEvent.self, from: Array(line)) {
                events.append(event)
            } else {
                unreadable.append(index + 1)
            }
        }
        return (events, unreadable)
    }
}

private let newline = UInt8(ascii: "\n")
