import Foundation
import Synchronization

/// A file to which whole lines are appended; a line torn by a kill or a full disk is cut off, never joined to the next.
final class LineFile: Sendable {
    private let path: String
    private let descriptor: Mutex<Int32>

    /// Opens the file, making it and its folder, and cuts off a torn last line.
    init(_ path: String) throws {
        self.path = path
        let flags = O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC
        var opened = open(path, flags, 0o644)
        if opened < 0, errno == ENOENT {
            try makeFolder(folderPart(of: path))
            opened = open(path, flags, 0o644)
        }
        guard opened >= 0 else { throw ArchiveError.system(errno, path: path, doing: "written") }
        descriptor = Mutex(opened)
        var status = stat()
        fstat(opened, &status)
        let whole = Self.endOfWholeLines(opened, size: status.st_size)
        if whole < status.st_size { ftruncate(opened, whole) }
    }

    deinit { descriptor.withLock { _ = close($0) } }

    /// Appends one line; the text must hold no line break.
    func append(_ text: [UInt8]) throws {
        let line = text + [newline]
        try descriptor.withLock { descriptor in
            var status = stat()
            fstat(descriptor, &status)
            do { try writeAll(line, to: descriptor, path: path) } catch {
                ftruncate(descriptor, status.st_size)
                throw error
            }
        }
    }

    /// The whole lines of a file without their ends; a torn last line is left out, a missing file has none.
    static func lines(_ path: String) throws -> [[UInt8]] {
        guard let bytes = try readWhole(path), let end = bytes.lastIndex(of: newline) else { return [] }
        return bytes[..<end].split(separator: newline, omittingEmptySubsequences: false).map { Array($0) }
    }

    /// The place after the last line end, found from the back so that a long file opens as fast as a short one.
    private static func endOfWholeLines(_ descriptor: Int32, size: off_t) -> off_t {
        var end = size
        guard end > 0 else { return 0 }
        var block = [UInt8](repeating: 0, count: 1 << 14)
        while end > 0 {
            let start = max(0, end - off_t(block.count))
            let count = block.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, Int(end - start), start) }
            guard count > 0 else { return size }
            if let last = block[..<count].lastIndex(of: newline) { return start + off_t(last) + 1 }
            end = start
        }
        return 0
    }
}

private let newline = UInt8(ascii: "\n")
