import Foundation
public import LabCore
import Synchronization

/// Finished steps in one file that only ever grows: a store is one append, an open reads the file once.
///
/// A record is a line of key, byte count and checksum, then the bytes, then a line end; of several records of one key
/// the last counts. A kill in the middle of an append leaves a torn last record, which opening cuts off. Against a power
/// cut the file is synced, unless that was done less than `syncInterval` ago: a burst of values costs one sync, and what
/// a power cut took of the last burst is done again.
public final class StepLog: StepStore {
    public let path: String
    private let syncInterval: Duration
    private let state: Mutex<State>

    private struct State {
        let descriptor: Int32
        var end: Int
        var places: [String: Range<Int>]
        var lastSync: ContinuousClock.Instant?
    }

    /// Opens the log, making it and its folder, and cuts off a torn end.
    ///
    /// - Parameter syncInterval: the least time between two syncs to disk; zero syncs every value.
    public init(_ path: String, syncInterval: Duration = .milliseconds(200)) throws {
        self.path = path
        self.syncInterval = syncInterval
        try makeFolder(folderPart(of: path))
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw ArchiveError.system(errno, path: path, doing: "written") }
        let bytes = (try? Data(contentsOf: URL(filePath: path), options: .mappedIfSafe)) ?? Data()
        let (places, end) = StepRecord.places(in: bytes)
        if end < bytes.count { ftruncate(descriptor, off_t(end)) }
        state = Mutex(State(descriptor: descriptor, end: end, places: places))
    }

    deinit { state.withLock { _ = close($0.descriptor) } }

    public func value(for key: String) throws -> [UInt8]? {
        try state.withLock { state in
            guard let place = state.places[key] else { return nil }
            var bytes = [UInt8](repeating: 0, count: place.count)
            var count = 0
            while count < bytes.count {
                let read = bytes.withUnsafeMutableBytes {
                    pread(
                        state.descriptor, $0.baseAddress.map { $0 + count }, place.count - count,
                        off_t(place.lowerBound + count))
                }
                if read < 0, errno == EINTR { continue }
                guard read > 0 else { throw ArchiveError.system(read < 0 ? errno : EIO, path: path, doing: "read") }
                count += read
            }
            return bytes
        }
    }

    public func store(_ value: [UInt8], for key: String) throws {
        guard StepRecord.allows(key) else {
            throw ArchiveError(
                .invalidKey, path: path,
                "`\(key)` is no key: it must not be empty, pass 1,000 bytes or hold a tab or line end")
        }
        let head = StepRecord.head(of: value, key: key)
        try state.withLock { state in
            guard lseek(state.descriptor, off_t(state.end), SEEK_SET) >= 0 else {
                throw ArchiveError.system(errno, path: path, doing: "written")
            }
            do {
                try writeAll(head + value + [StepRecord.lineEnd], to: state.descriptor, path: path)
                try sync(&state)
            } catch {
                ftruncate(state.descriptor, off_t(state.end))
                throw error
            }
            let start = state.end + head.count
            state.places[key] = start..<start + value.count
            state.end = start + value.count + 1
        }
    }

    private func sync(_ state: inout State) throws {
        let now = ContinuousClock.now
        if let last = state.lastSync, last.duration(to: now) < syncInterval { return }
        guard fdatasync(state.descriptor) == 0 else { throw ArchiveError.system(errno, path: path, doing: "written") }
        state.lastSync = now
    }
}

/// How one step lies in a step log.
enum StepRecord {
    static let lineEnd = UInt8(ascii: "\n")
    private static let tab = UInt8(ascii: "\t")

    static func allows(_ key: String) -> Bool {
        !key.isEmpty && key.utf8.count <= 1_000 && !key.utf8.contains { $0 == lineEnd || $0 == tab || $0 == 0 }
    }

    /// The line before the bytes.
    static func head(of value: [UInt8], key: String) -> [UInt8] {
        Array("\(key)\t\(value.count)\t\(String(checksum(value), radix: 16))\n".utf8)
    }

    /// Where each key's last value lies, and the end of the last whole record.
    static func places(in log: Data) -> (places: [String: Range<Int>], end: Int) {
        log.withUnsafeBytes { bytes in
            var places: [String: Range<Int>] = [:]
            var end = 0
            while let line = bytes[end...].firstIndex(of: lineEnd) {
                let parts = bytes[end..<line].split(separator: tab)
                guard parts.count == 3, let count = Int(String(decoding: parts[1], as: UTF8.self)), count >= 0,
                    let sum = UInt64(String(decoding: parts[2], as: UTF8.self), radix: 16)
                else { break }
                let value = line + 1..<line + 1 + count
                guard value.upperBound < bytes.count, bytes[value.upperBound] == lineEnd,
                    checksum(bytes[value]) == sum
                else { break }
                places[String(decoding: parts[0], as: UTF8.self)] = value
                end = value.upperBound + 1
            }
            return (places, end)
        }
    }

    /// FNV-1a, 64 bits: against torn writes, not against tampering.
    private static func checksum(_ bytes: some Sequence<UInt8>) -> UInt64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        return hash
    }
}
