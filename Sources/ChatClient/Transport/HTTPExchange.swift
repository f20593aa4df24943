import Foundation

/// One HTTP request as the transport sends it.
struct HTTPRequest: Sendable {
    static let largestChatBody = 32 << 20
    static let largestBodyText = "32 MiB"

    var url: String
    /// Sent with POST; `nil` means GET.
    var body: [UInt8]?
    /// Header lines without their line ends. They may hold secrets: never printed.
    var headers: [String] = []
    var timeouts: ChatTimeouts
    var caFile: String?
    var proxy: String?
    /// Ignores the environment's proxies, as is right for a server on this machine.
    var avoidsProxies = false
    /// Most bytes of an answer; a longer one is broken off.
    var largestBody = Self.largestChatBody
    var followsRedirects = false
    /// Whether the answer's body is kept; otherwise only `onBytes` sees it.
    var keepsBody = true
    /// Told how many bytes of a body came, of any answer, on the transport's thread.
    var onArrival: (@Sendable (Int) -> Void)?
    /// Sees the body of a successful answer as it arrives, on the transport's thread; `false` breaks the transfer off.
    var onBytes: (@Sendable (UnsafeRawBufferPointer) -> Bool)?
}

/// An answer of any status.
struct HTTPResponse: Sendable {
    let status: Int
    /// The header lines as they came, of the last answer where there were redirects.
    let head: [UInt8]
    let body: [UInt8]

    /// The value of a header, whatever the case of its name.
    func header(_ name: String) -> String? {
        for line in String(decoding: head, as: UTF8.self).split(whereSeparator: \.isNewline) {
            guard let colon = line.firstIndex(of: ":"),
                line[..<colon].caseInsensitiveCompare(name) == .orderedSame
            else { continue }
            return line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
        }
        return nil
    }
}

/// Why there is no answer.
struct TransportFailure: Error, Hashable {
    enum Kind: Hashable {
        case connectTimeout, firstByteTimeout, stalled, totalTimeout
        case tooLarge, cancelled
        /// `onBytes` broke it off.
        case brokenOff
        /// The certificate is not trusted: trying again cannot help.
        case untrusted
        case connection
        /// A URL or an option that libcurl refuses.
        case unusable
    }

    let kind: Kind
    /// libcurl's own words; without secrets, for it is given none but in headers.
    let message: String
    /// Whether the server may have seen the request, and so may charge for it.
    let wasSent: Bool
}
