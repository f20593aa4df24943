import Foundation

/// What must never be shown: it prints, dumps and interpolates as `[key]`, and only the header that carries it reads it.
struct Secret: Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    private let text: String

    init(_ text: String) { self.text = text }

    var description: String { "[key]" }
    var debugDescription: String { "[key]" }
    var customMirror: Mirror { Mirror(self, children: []) }

    /// For the request's header only.
    var revealed: String { text }
}

/// The secrets of one endpoint, and their removal from anything a server sends back.
struct Secrets: Sendable {
    /// The key; `nil` when the server needs none.
    let key: Secret?
    /// Extra headers with their environment variables filled in.
    let headers: [(name: String, value: Secret)]
    private let texts: [[UInt8]]
    private let pieces: Pieces

    init(key: Secret?, headers: [(name: String, value: Secret)] = [], secretHeaderValues: [Secret] = []) {
        self.key = key
        self.headers = headers
        texts = ([key].compactMap { $0 } + secretHeaderValues).map { Array($0.revealed.utf8) }.filter { !$0.isEmpty }
        pieces = Pieces(of: texts, length: Self.shortestPiece)
    }

    /// Shortest piece of a key that is taken for one.
    private static let shortestPiece = 8

    /// All pieces of a length, to be looked for in one pass: by their first two bytes, then as a whole.
    private struct Pieces: CustomReflectable {
        /// A dump shows no secret.
        var customMirror: Mirror { Mirror(self, children: []) }

        private var wholes: Set<ArraySlice<UInt8>> = []
        private var beginnings = [Bool](repeating: false, count: 1 << 16)
        private var lengths: Set<Int> = []

        init(of texts: [[UInt8]], length: Int) {
            for text in texts {
                let count = min(length, text.count)
                lengths.insert(count)
                for start in 0...(text.count - count) {
                    let piece = text[start..<(start + count)]
                    wholes.insert(piece)
                    if count > 1 { beginnings[Int(piece[start]) << 8 | Int(piece[start + 1])] = true }
                }
            }
        }

        func occur(in bytes: [UInt8]) -> Bool {
            guard !wholes.isEmpty else { return false }
            return lengths.contains { length in
                guard length > 1 else { return bytes.contains { wholes.contains([$0][...]) } }
                guard bytes.count >= length else { return false }
                return bytes.withUnsafeBufferPointer { all in
                    for start in 0...(bytes.count - length)
                    where beginnings[Int(all[start]) << 8 | Int(all[start + 1])]
                        && wholes.contains(bytes[start..<(start + length)])
                    {
                        return true
                    }
                    return false
                }
            }
        }
    }

    /// The text with each secret, and each longer piece of one, replaced. For messages from servers, which like to echo.
    func scrubbed(_ text: String) -> String {
        var bytes = Array(text.utf8)
        for secret in texts { bytes = Self.withoutPieces(of: secret, in: bytes) }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Whether a secret, or a longer piece of one, is among the bytes: a server may echo a key in two halves.
    func occur(in bytes: [UInt8]) -> Bool { pieces.occur(in: bytes) }

    private static func withoutPieces(of secret: [UInt8], in text: [UInt8]) -> [UInt8] {
        let shortest = min(shortestPiece, secret.count)
        var kept: [UInt8] = []
        var at = 0
        while at < text.count {
            let longest =
                secret.indices.map { start in
                    zip(secret[start...], text[at...]).prefix { $0 == $1 }.count
                }.max() ?? 0
            if longest >= shortest {
                kept += Array("[key]".utf8)
                at += longest
            } else {
                kept.append(text[at])
                at += 1
            }
        }
        return kept
    }
}

extension Secrets {
    /// Reads the endpoint's key and header variables.
    ///
    /// - Parameter environment: where variables are looked up.
    /// - Throws: `ChatError` of kind `configuration` when a named variable or file is missing, or a file's mode lets
    ///   others read it. A server on this machine may do without the variable.
    static func load(for endpoint: ChatEndpoint, from environment: [String: String]) throws -> Secrets {
        var key: Secret?
        if let file = endpoint.keyFile {
            key = try read(file, for: endpoint)
        } else if let variable = endpoint.keyEnvironment {
            let value = environment[variable]?.trimmingCharacters(in: .whitespacesAndNewlines) ?? ""
            if !value.isEmpty {
                key = try checked(value, "the environment variable \(variable)", endpoint)
            } else if !endpoint.isLoopback {
                throw ChatError(
                    .configuration,
                    "\(endpoint.name): the environment variable \(variable) holds no key; set it, or name a keyFile")
            }
        }
        var headers: [(String, Secret)] = []
        var secret: [Secret] = []
        for (name, value) in endpoint.extraHeaders.sorted(by: { $0.key < $1.key }) {
            guard let variable = value.wholeMatch(of: /\$\{(\w+)\}/)?.1 else {
                headers.append((name, try checked(value, "extraHeaders.\(name)", endpoint)))
                continue
            }
            guard let held = environment[String(variable)], !held.isEmpty else {
                throw ChatError(
                    .configuration,
                    "\(endpoint.name): the environment variable \(variable) of extraHeaders.\(name) is not set")
            }
            secret.append(try checked(held, "the environment variable \(variable)", endpoint))
            headers.append((name, Secret(held)))
        }
        return Secrets(key: key, headers: headers, secretHeaderValues: secret)
    }

    private static func read(_ file: String, for endpoint: ChatEndpoint) throws -> Secret {
        let path = NSString(string: file).expandingTildeInPath
        // One descriptor for the check and the reading, so that no other file can come between.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw ChatError(
                .configuration, "\(endpoint.name): keyFile \(file) cannot be read: \(String(cString: strerror(errno)))")
        }
        let handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw ChatError(.configuration, "\(endpoint.name): keyFile \(file) is no plain file")
        }
        guard status.st_mode & 0o077 == 0 else {
            throw ChatError(
                .configuration,
                "\(endpoint.name): others may read keyFile \(file) (mode \(String(status.st_mode & 0o777, radix: 8))); "
                    + "run: chmod 600 \(file)")
        }
        let data = try handle.read(upToCount: 65_536) ?? Data()
        let text = String(decoding: data, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
        guard !text.isEmpty else { throw ChatError(.configuration, "\(endpoint.name): keyFile \(file) is empty") }
        return try checked(text, "keyFile \(file)", endpoint)
    }

    /// Refuses what would break out of its header line.
    private static func checked(_ text: String, _ place: String, _ endpoint: ChatEndpoint) throws -> Secret {
        guard text.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7F }) else {
            throw ChatError(
                .configuration, "\(endpoint.name): \(place) holds a line break or a character that no header may have")
        }
        return Secret(text)
    }
}
