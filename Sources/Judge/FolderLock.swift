#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif
import Foundation

/// Holds a folder of judgments for one run at a time; the kernel frees it however the process ends.
final class FolderLock {
    private let descriptor: Int32

    /// Throws when another run writes to the folder, or it cannot be made.
    init(_ folder: String) throws {
        do {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        } catch {
            throw JudgeError(.unreadable, "the folder \(folder) cannot be made: \(error.localizedDescription)")
        }
        descriptor = open(folder + "/.lock", O_CREAT | O_RDWR | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else {
            throw JudgeError(.unreadable, "\(folder)/.lock cannot be written: \(String(cString: strerror(errno)))")
        }
        guard Self.lock(descriptor) else {
            close(descriptor)
            throw JudgeError(
                .mismatch, "another run is writing to \(folder); let it end, or name another folder with --out")
        }
    }

    deinit { close(descriptor) }

    /// A child of ours that has not yet become its program holds our locks too, for a moment after they are let go.
    private static func lock(_ descriptor: Int32) -> Bool {
        for _ in 0..<attempts {
            if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { return true }
            usleep(pauseMicroseconds)
        }
        return flock(descriptor, LOCK_EX | LOCK_NB) == 0
    }

    private static let attempts = 20
    private static let pauseMicroseconds: UInt32 = 50_000
}
