import Foundation
import Synchronization

/// Writes whole files so that a reader, or the next process after a kill, sees the old content or the new, never a part.
///
/// A temporary file in the same folder is written and renamed over the target. A kill at any moment therefore loses
/// nothing that was renamed. Against a power cut the file and its folder are synced as well, unless that was done less
/// than `syncInterval` ago: a burst of values costs one sync (some 5 ms), not one each. The values in between reach the
/// disk by the system's own writing, within half a minute; one that a power cut tore is no JSON and is done again.
final class AtomicFileWriter: Sendable {
    static let temporaryPrefix = ".tmp-"

    private let syncInterval: Duration
    private let state = Mutex(State())

    private struct State {
        var lastSync: ContinuousClock.Instant?
        var count = 0
    }

    init(syncInterval: Duration = .milliseconds(200)) { self.syncInterval = syncInterval }

    /// Missing folders on the way are made.
    func write(_ bytes: [UInt8], to path: String) throws {
        let folder = folderPart(of: path)
        let (number, syncs) = begin()
        let temporary = "\(folder)/\(Self.temporaryPrefix)\(getpid())-\(number)"
        let descriptor = try create(temporary, in: folder)
        do {
            defer { close(descriptor) }
            try writeAll(bytes, to: descriptor, path: path)
            if syncs, fsync(descriptor) != 0 { throw ArchiveError.system(errno, path: path, doing: "written") }
            guard rename(temporary, path) == 0 else {
                throw ArchiveError.system(errno, path: path, doing: "written")
            }
        } catch {
            unlink(temporary)
            throw error
        }
        if syncs { syncFolder(folder) }
    }

    /// Makes a folder with files in it, all of it or nothing; says whether it did, or left one that is there already.
    ///
    /// One rename for all files instead of one each: what a file costs is mostly its folder's bookkeeping.
    func writeFolder(_ path: String, files: [(name: String, bytes: [UInt8])]) throws -> Bool {
        if access(path, F_OK) == 0 { return false }
        let parent = folderPart(of: path)
        let (number, syncs) = begin()
        let temporary = "\(parent)/\(Self.temporaryPrefix)\(getpid())-\(number)"
        try makeFolder(temporary)
        do {
            for file in files {
                let descriptor = try create("\(temporary)/\(file.name)", in: temporary)
                defer { close(descriptor) }
                try writeAll(file.bytes, to: descriptor, path: "\(path)/\(file.name)")
                if syncs, fsync(descriptor) != 0 { throw ArchiveError.system(errno, path: path, doing: "written") }
            }
            guard rename(temporary, path) == 0 else {
                throw ArchiveError.system(errno, path: path, doing: "written")
            }
        } catch {
            removeTemporary(temporary)
            throw error
        }
        if syncs { syncFolder(parent) }
        return true
    }

    private func begin() -> (number: Int, syncs: Bool) {
        state.withLock { state in
            state.count += 1
            let now = ContinuousClock.now
            let syncs = state.lastSync.map { $0.duration(to: now) >= syncInterval } ?? true
            if syncs { state.lastSync = now }
            return (state.count, syncs)
        }
    }

    private func create(_ temporary: String, in folder: String) throws -> Int32 {
        let flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC
        var descriptor = open(temporary, flags, 0o644)
        if descriptor < 0, errno == ENOENT {
            try makeFolder(folder)
            descriptor = open(temporary, flags, 0o644)
        }
        guard descriptor >= 0 else { throw ArchiveError.system(errno, path: folder, doing: "written to") }
        return descriptor
    }
}

/// Removes a temporary file, or a temporary folder with its files.
func removeTemporary(_ path: String) {
    if unlink(path) == 0 { return }
    for name in (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? [] { unlink("\(path)/\(name)") }
    rmdir(path)
}

/// Writes every byte, however few the system takes at once.
func writeAll(_ bytes: [UInt8], to descriptor: Int32, path: String) throws {
    var written = 0
    while written < bytes.count {
        let count = bytes.withUnsafeBytes {
            write(descriptor, $0.baseAddress.map { $0 + written }, bytes.count - written)
        }
        if count < 0 {
            if errno == EINTR { continue }
            throw ArchiveError.system(errno, path: path, doing: "written")
        }
        written += count
    }
}

/// A descriptor of a file that is there; `nil` where there is none.
func openedForReading(_ path: String) throws -> Int32? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor < 0 else { return descriptor }
    if errno == ENOENT || errno == ENOTDIR { return nil }
    throw ArchiveError.system(errno, path: path, doing: "read")
}

/// The whole file, or `nil` when there is none (or a folder in its place).
func readWhole(_ path: String) throws -> [UInt8]? {
    guard let descriptor = try openedForReading(path) else { return nil }
    defer { close(descriptor) }
    var status = stat()
    fstat(descriptor, &status)
    var bytes: [UInt8] = []
    bytes.reserveCapacity(Int(status.st_size))
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
        let count = buffer.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
        if count < 0 {
            if errno == EINTR { continue }
            if errno == EISDIR { return nil }
            throw ArchiveError.system(errno, path: path, doing: "read")
        }
        if count == 0 { return bytes }
        bytes += buffer[..<count]
    }
}

/// Makes a folder and those above it; one that exists is fine.
func makeFolder(_ path: String) throws {
    if mkdir(path, 0o755) == 0 { return }
    switch errno {
    case EEXIST:
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
            throw ArchiveError(.alreadyExists, path: path, "is a file where a folder is needed; move it away")
        }
    case ENOENT where folderPart(of: path) != path:
        try makeFolder(folderPart(of: path))
        guard mkdir(path, 0o755) == 0 || errno == EEXIST else {
            throw ArchiveError.system(errno, path: path, doing: "made")
        }
    default:
        throw ArchiveError.system(errno, path: path, doing: "made")
    }
}

/// Makes a rename or a new folder survive a power cut. Some file systems refuse it; they sync by themselves.
private func syncFolder(_ path: String) {
    let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { return }
    fsync(descriptor)
    close(descriptor)
}

func folderPart(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
}
