import Dispatch
import Foundation
import Synchronization

/// Writes to a child's standard input, in order, without blocking the caller's thread.
final class InputWriter: Sendable {
    private let descriptor: Descriptor
    private let queue = DispatchQueue(label: "losslab.child-input")

    init(descriptor: Descriptor) { self.descriptor = descriptor }

    func write(_ data: Data) async throws {
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            queue.async { [descriptor] in
                continuation.resume(with: Result { try Self.writeAll(data, to: descriptor) })
            }
        }
    }

    /// After what was written before.
    func close() {
        queue.async { [descriptor] in _ = shutdown(descriptor.number, Int32(SHUT_WR)) }
    }

    private static func writeAll(_ data: Data, to descriptor: Descriptor) throws {
        var rest = data
        while !rest.isEmpty {
            let written = rest.withUnsafeBytes {
                Foundation.send(descriptor.number, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if written < 0 && errno == EINTR { continue }
            if written < 0 { throw ChildProcessError("write to the program's standard input", errno) }
            rest = rest.dropFirst(written)
        }
    }
}
