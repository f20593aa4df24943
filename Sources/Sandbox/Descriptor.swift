import CSpawn
import Foundation

/// A file descriptor that is closed with its last reference, and never passed on to another program.
final class Descriptor: Sendable {
    let number: Int32

    init(_ number: Int32) { self.number = number }

    deinit { close(number) }

    static func pipe() throws -> (read: Descriptor, write: Descriptor) {
        var ends: [Int32] = [-1, -1]
        guard spawn_pipe(&ends) == 0 else { throw ChildProcessError("open a pipe", errno) }
        return (Descriptor(ends[0]), Descriptor(ends[1]))
    }

    /// A socket in place of a pipe: writing to one that nobody reads can be an error instead of a deadly signal.
    static func socketPair() throws -> (ours: Descriptor, theirs: Descriptor) {
        var ends: [Int32] = [-1, -1]
        let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        guard socketpair(AF_UNIX, kind, 0, &ends) == 0 else { throw ChildProcessError("open a socket pair", errno) }
        return (Descriptor(ends[0]), Descriptor(ends[1]))
    }

    static func appending(to file: URL) throws -> Descriptor {
        let number = open(file.path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
        guard number >= 0 else { throw ChildProcessError("open the log \(file.path)", errno) }
        return Descriptor(number)
    }
}

/// A step of starting or talking to a child that the system refused.
public struct ChildProcessError: Error, Sendable, CustomStringConvertible {
    /// What was attempted, such as "start /usr/bin/losslab-worker".
    public let attempt: String
    /// The system's error number.
    public let code: Int32

    init(_ attempt: String, _ code: Int32) {
        self.attempt = attempt
        self.code = code
    }

    public var description: String { "could not \(attempt): \(String(cString: strerror(code)))" }
}
