internal import CCurl
import Foundation

/// One exchange on its way.
///
/// Unchecked, because the compiler cannot see the hand-over: once `CurlLoop.send` has posted it, everything that changes
/// is touched by the loop's thread alone, libcurl's callbacks included.
final class Transfer: @unchecked Sendable {
    typealias Outcome = Result<HTTPResponse, TransportFailure>

    /// Never used twice, so that a late cancellation meets nobody else.
    let id: UInt64
    let request: HTTPRequest
    let continuation: CheckedContinuation<Outcome, Never>
    private(set) var easy: UnsafeMutableRawPointer?
    private var headerList: UnsafeMutablePointer<curl_slist>?
    /// libcurl keeps a pointer to it, so it must not move.
    private let errorText = UnsafeMutablePointer<CChar>.allocate(capacity: Int(CURL_ERROR_SIZE))
    private var head: [UInt8] = []
    private var body: [UInt8] = []
    private var received = 0
    private let started = ContinuousClock.now
    private var lastByte: ContinuousClock.Instant?
    private var status = 0
    /// Why a callback or a deadline broke the transfer off.
    private var broken: TransportFailure.Kind?

    init(_ id: UInt64, _ request: HTTPRequest, _ continuation: CheckedContinuation<Outcome, Never>) {
        self.id = id
        self.request = request
        self.continuation = continuation
        errorText.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
    }

    deinit {
        curl_slist_free_all(headerList)
        errorText.deallocate()
    }

    /// Puts the request into a handle; `false` when libcurl refuses one of its parts.
    func prepare(_ easy: UnsafeMutableRawPointer) -> Bool {
        self.easy = easy
        let context = Unmanaged.passUnretained(self).toOpaque()
        for line in request.headers + ["Expect:"] {
            guard let longer = curl_slist_append(headerList, line) else { return false }
            headerList = longer
        }
        var codes: [CURLcode] = [
            losslab_easy_set_string(easy, CURLOPT_URL, request.url),
            losslab_easy_set_string(easy, CURLOPT_PROTOCOLS_STR, "http,https"),
            losslab_easy_set_pointer(easy, CURLOPT_HTTPHEADER, headerList),
            losslab_easy_set_long(easy, CURLOPT_NOSIGNAL, 1),
            losslab_easy_set_long(easy, CURLOPT_TCP_KEEPALIVE, 1),
            losslab_easy_set_long(easy, CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_2TLS)),
            losslab_easy_set_long(easy, CURLOPT_CONNECTTIMEOUT_MS, request.timeouts.connect.inMilliseconds),
            losslab_easy_set_pointer(easy, CURLOPT_PRIVATE, context),
            losslab_easy_set_pointer(easy, CURLOPT_WRITEDATA, context),
            losslab_easy_set_pointer(easy, CURLOPT_HEADERDATA, context),
            losslab_easy_set_callback(easy, CURLOPT_WRITEFUNCTION) { bytes, size, count, context in
                Transfer.of(context)?.receive(bytes, size * count) ?? 0
            },
            losslab_easy_set_callback(easy, CURLOPT_HEADERFUNCTION) { bytes, size, count, context in
                Transfer.of(context)?.receiveHead(bytes, size * count) ?? 0
            },
            losslab_easy_close_on_exec(easy),
            losslab_easy_set_pointer(easy, CURLOPT_ERRORBUFFER, errorText),
        ]
        if let body = request.body {
            codes.append(body.withUnsafeBytes { losslab_easy_set_body(easy, $0.baseAddress, $0.count) })
        }
        if request.url.hasPrefix("https:") {
            // Wait for one connection that takes many requests rather than open one for each.
            codes.append(losslab_easy_set_long(easy, CURLOPT_PIPEWAIT, 1))
        }
        if request.followsRedirects {
            let onward = request.url.hasPrefix("https:") ? "https" : "http,https"
            codes += [
                losslab_easy_set_long(easy, CURLOPT_FOLLOWLOCATION, 1),
                losslab_easy_set_long(easy, CURLOPT_MAXREDIRS, 10),
                losslab_easy_set_string(easy, CURLOPT_REDIR_PROTOCOLS_STR, onward),
            ]
        }
        if let file = request.caFile { codes.append(losslab_easy_set_string(easy, CURLOPT_CAINFO, file)) }
        if let proxy = request.proxy {
            codes.append(losslab_easy_set_string(easy, CURLOPT_PROXY, proxy))
        } else if request.avoidsProxies {
            codes.append(losslab_easy_set_string(easy, CURLOPT_NOPROXY, "*"))
        }
        return codes.allSatisfy { $0 == CURLE_OK }
    }

    private static func of(_ context: UnsafeMutableRawPointer?) -> Transfer? {
        context.map { Unmanaged<Transfer>.fromOpaque($0).takeUnretainedValue() }
    }

    private func receiveHead(_ bytes: UnsafeMutablePointer<CChar>?, _ count: Int) -> Int {
        let line = UnsafeRawBufferPointer(start: bytes, count: count)
        // A new status line begins the next answer: of a redirect, a proxy, or after `100 Continue`.
        if line.starts(with: "HTTP/".utf8) { head.removeAll(keepingCapacity: true) }
        guard head.count + count <= 1 << 18 else {
            broken = .tooLarge
            return 0
        }
        head.append(contentsOf: line)
        lastByte = ContinuousClock.now
        return count
    }

    private func receive(_ bytes: UnsafeMutablePointer<CChar>?, _ count: Int) -> Int {
        received += count
        request.onArrival?(count)
        lastByte = ContinuousClock.now
        guard received <= request.largestBody else {
            broken = .tooLarge
            return 0
        }
        let piece = UnsafeRawBufferPointer(start: bytes, count: count)
        if let onBytes = request.onBytes {
            if status == 0 { status = currentStatus() }
            if (200..<300).contains(status), !onBytes(piece) {
                broken = .brokenOff
                return 0
            }
        }
        if request.keepsBody || !(200..<300).contains(status) { body.append(contentsOf: piece) }
        return count
    }

    private func currentStatus() -> Int {
        var status = 0
        _ = losslab_easy_get_long(easy, CURLINFO_RESPONSE_CODE, &status)
        return status
    }

    /// Which of the transfer's own limits has passed. The limit for connecting is libcurl's.
    func passedLimit(at now: ContinuousClock.Instant) -> TransportFailure.Kind? {
        if now - started > request.timeouts.total { return .totalTimeout }
        guard let lastByte else { return now - started > request.timeouts.firstByte ? .firstByteTimeout : nil }
        return now - lastByte > request.timeouts.stall ? .stalled : nil
    }

    /// Ends the transfer with what libcurl said, or with why it was broken off.
    func finish(_ code: CURLcode, broken kind: TransportFailure.Kind? = nil) {
        if code == CURLE_OK, kind == nil {
            continuation.resume(
                returning: .success(HTTPResponse(status: currentStatus(), head: head, body: body)))
            return
        }
        var sent = 0
        if easy != nil { _ = losslab_easy_get_long(easy, CURLINFO_REQUEST_SIZE, &sent) }
        let kind = kind ?? broken ?? Self.kind(of: code, wasSent: sent > 0)
        let own = String(cString: errorText)
        let message = own.isEmpty ? String(cString: curl_easy_strerror(code)) : own
        continuation.resume(returning: .failure(TransportFailure(kind: kind, message: message, wasSent: sent > 0)))
    }

    private static func kind(of code: CURLcode, wasSent: Bool) -> TransportFailure.Kind {
        switch code {
        case CURLE_OPERATION_TIMEDOUT: wasSent ? .totalTimeout : .connectTimeout
        case CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CACERT_BADFILE, CURLE_SSL_ISSUER_ERROR, CURLE_SSL_CERTPROBLEM:
            .untrusted
        case CURLE_URL_MALFORMAT, CURLE_UNSUPPORTED_PROTOCOL, CURLE_BAD_FUNCTION_ARGUMENT, CURLE_UNKNOWN_OPTION:
            .unusable
        default: .connection
        }
    }
}

extension Duration {
    /// Rounded up, so that a limit is never 0, which libcurl takes for none.
    fileprivate var inMilliseconds: Int { max(1, Int((inSeconds * 1000).rounded(.up))) }
}
