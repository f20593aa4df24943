import Foundation

/// A chat server that answers every request with the same reply, as fast as one thread can: what clients are measured
/// against. It speaks as much HTTP as keep-alive POST requests with a `Content-Length` need.
struct LoopbackChatServer {
    private let listener: Int32
    let port: UInt16

    /// Listens on a free port of loopback.
    init() throws {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let bound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, length) == 0 && listen(listener, 1024) == 0
                    && getsockname(listener, $0, &length) == 0
            }
        }
        guard listener >= 0, bound else { throw POSIXError(.init(rawValue: errno) ?? .EIO) }
        self.listener = listener
        port = UInt16(bigEndian: address.sin_port)
    }

    /// About as long as a short answer.
    private static let reply: [UInt8] = {
        let text = String(repeating: "A loss is a number that training makes smaller. ", count: 12)
        let body = """
            {"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"bench","choices":[{"index":0,"message":\
            {"role":"assistant","content":"\(text)","refusal":null},"logprobs":null,"finish_reason":"stop"}],"usage":\
            {"prompt_tokens":300,"completion_tokens":120,"total_tokens":420}}
            """
        let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n\r\n"
        return Array((head + body).utf8)
    }()

    /// Serves until standard input ends.
    func run() {
        signal(SIGPIPE, SIG_IGN)
        var polled = [
            pollfd(fd: 0, events: Int16(POLLIN), revents: 0), pollfd(fd: listener, events: Int16(POLLIN), revents: 0),
        ]
        var pending: [Int32: [UInt8]] = [:]
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while poll(&polled, nfds_t(polled.count), -1) >= 0 {
            if polled[0].revents != 0, read(0, &buffer, buffer.count) <= 0 { return }
            var closed: Set<Int32> = []
            for entry in polled.dropFirst(2) where entry.revents != 0 {
                let count = recv(entry.fd, &buffer, buffer.count, Int32(MSG_DONTWAIT))
                guard count > 0 else {
                    if count == 0 || errno != EAGAIN { closed.insert(entry.fd) }
                    continue
                }
                pending[entry.fd, default: []].append(contentsOf: buffer[..<count])
                while let size = Self.requestSize(pending[entry.fd] ?? []) {
                    pending[entry.fd]?.removeFirst(size)
                    _ = send(entry.fd, Self.reply, Self.reply.count, 0)
                }
            }
            if !closed.isEmpty {
                polled.removeAll { closed.contains($0.fd) }
                for descriptor in closed {
                    pending[descriptor] = nil
                    close(descriptor)
                }
            }
            if polled[1].revents != 0 {
                let descriptor = accept(listener, nil, nil)
                var yes: Int32 = 1
                setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &yes, socklen_t(MemoryLayout<Int32>.size))
                if descriptor >= 0 { polled.append(pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)) }
            }
        }
    }

    /// Bytes of the first whole request; `nil` when more is to come.
    private static func requestSize(_ bytes: [UInt8]) -> Int? {
        var lineStart = 0
        var bodySize = 0
        while let end = bytes[lineStart...].firstIndex(of: 0x0A) {
            let line = bytes[lineStart..<end]
            if line.count <= 1 {
                let size = end + 1 + bodySize
                return bytes.count >= size ? size : nil
            }
            // `Content-Length: 123`
            if line.count > 15, line.first.map({ $0 | 0x20 }) == UInt8(ascii: "c"),
                line.prefix(15).elementsEqual("content-length:".utf8, by: { $0 | 0x20 == $1 | 0x20 })
            {
                bodySize = line.dropFirst(15).reduce(0) { (0x30...0x39).contains($1) ? $0 * 10 + Int($1 - 0x30) : $0 }
            }
            lineStart = end + 1
        }
        return nil
    }
}
