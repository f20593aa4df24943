import Foundation
import Synchronization

/// How long after a child's end its output is still read, when a process that left its group keeps it open.
private let millisecondsAfterEnd: Int32 = 500

/// Reads a descriptor to its end on a thread of its own, and gives up soon after `ended` is at its end.
func readInBackground(
    from source: Descriptor, until ended: Descriptor, _ receive: @escaping @Sendable (Data) -> Void,
    atEnd: @escaping @Sendable () -> Void
) {
    Thread.detachNewThread {
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        var isEnding = false
        while true {
            var waiting = [
                pollfd(fd: source.number, events: Int16(POLLIN), revents: 0),
                pollfd(fd: ended.number, events: Int16(POLLIN), revents: 0),
            ]
            let ready = poll(&waiting, isEnding ? 1 : 2, isEnding ? millisecondsAfterEnd : -1)
            if ready < 0 && errno == EINTR { continue }
            if ready <= 0 { break }
            if waiting[0].revents != 0 {
                let count = read(source.number, &buffer, buffer.count)
                if count < 0 && errno == EINTR { continue }
                if count <= 0 { break }
                receive(Data(buffer.prefix(count)))
            } else {
                isEnding = true
            }
        }
        atEnd()
    }
}

/// Appends to a file until it has taken its share.
final class CappedLog: Sendable {
    private let file: Descriptor
    private let room: Mutex<Int>

    init(file: Descriptor, limit: Int) {
        self.file = file
        self.room = Mutex(limit)
    }

    func append(_ data: Data) {
        let (kept, isFull) = room.withLock { room in
            let kept = data.prefix(room)
            let wasOpen = room > 0
            room -= kept.count
            return (kept, wasOpen && kept.count < data.count)
        }
        if !kept.isEmpty { writeAll(kept) }
        if isFull { writeAll(Data("\n[output beyond this limit was dropped]\n".utf8)) }
    }

    /// A log that cannot be written (a full disk) must not stop the child.
    private func writeAll(_ data: Data) {
        var rest = data
        while !rest.isEmpty {
            let written = rest.withUnsafeBytes { write(file.number, $0.baseAddress, $0.count) }
            if written < 0 && errno == EINTR { continue }
            if written <= 0 { return }
            rest = rest.dropFirst(written)
        }
    }
}

/// Cuts a stream of bytes into lines.
final class LineSplitter: Sendable {
    private let limit: Int
    private let partial = Mutex(Data())

    init(limit: Int) { self.limit = limit }

    /// Hands on every line that `data` completes. Returns false once a line is longer than the limit.
    func split(_ data: Data, _ receive: (String) -> Void) -> Bool {
        let lines = partial.withLock { partial -> [Data]? in
            var lines: [Data] = []
            var rest = data
            while let newline = rest.firstIndex(of: UInt8(ascii: "\n")) {
                lines.append(partial + rest[rest.startIndex..<newline])
                partial = Data()
                rest = rest[rest.index(after: newline)...]
            }
            partial.append(rest)
            return partial.count > limit ? nil : lines
        }
        guard let lines else { return false }
        for line in lines { receive(String(decoding: line, as: UTF8.self)) }
        return true
    }
}
