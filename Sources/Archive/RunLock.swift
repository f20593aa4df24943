import Foundation

/// Held by the one process that runs a campaign; the system lets go of it when that process ends, however it ends.
final class RunLock: Sendable {
    private let descriptor: Int32

    /// Takes the lock, or throws at once, naming the process that holds it.
    init(_ path: String, campaign: String) throws {
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw ArchiveError.system(errno, path: path, doing: "locked") }
        guard Self.take(descriptor) else {
            let number = errno
            close(descriptor)
            guard number == EWOULDBLOCK else { throw ArchiveError.system(number, path: path, doing: "locked") }
            let holder = Self.holder(path).map { "process \($0)" } ?? "another process"
            throw ArchiveError(
                .locked, path: path,
                "campaign \(campaign) is being run by \(holder); wait for it to end or stop it first")
        }
        self.descriptor = descriptor
        ftruncate(descriptor, 0)
        try writeAll(Array("\(getpid())\n".utf8), to: descriptor, path: path)
    }

    deinit { close(descriptor) }

    /// Tries for a moment, since `isHeld` in another process takes the lock for an instant too.
    private static func take(_ descriptor: Int32) -> Bool {
        for _ in 0..<3 {
            if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { return true }
            guard errno == EWOULDBLOCK || errno == EINTR else { return false }
            usleep(20_000)
        }
        return flock(descriptor, LOCK_EX | LOCK_NB) == 0
    }

    /// The process that holds the lock, as far as the file tells.
    static func holder(_ path: String) -> Int? {
        guard let bytes = try? readWhole(path) else { return nil }
        return Int(String(decoding: bytes, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines))
    }

    /// Whether some process holds the lock now.
    static func isHeld(_ path: String) -> Bool {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        if flock(descriptor, LOCK_SH | LOCK_NB) == 0 { return false }
        return errno == EWOULDBLOCK
    }
}
