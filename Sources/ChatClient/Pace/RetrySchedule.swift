import Foundation

/// How long to wait before a retry. Pure: the random number and the time of day are given.
struct RetrySchedule {
    /// Longest wait before one retry, where the server does not say.
    static let longest = Duration.seconds(30)

    let base: Duration

    /// Full jitter: anything between nothing and a bound that doubles with each retry, so that calls which failed
    /// together do not come back together. A server's `Retry-After` is waited for in full, with up to `base` on top.
    ///
    /// - Parameters:
    ///   - retry: 0 for the first.
    ///   - fraction: uniform in 0..<1.
    func wait(before retry: Int, asked: Duration?, fraction: Double) -> Duration {
        if let asked { return asked + base * fraction }
        return min(base * pow(2, Double(min(retry, 30))), Self.longest) * fraction
    }

    /// What `retry-after-ms` or `Retry-After` asks for: seconds, or a date, which is read against the server's own
    /// `Date` where it sends one, so that a wrong clock on either side does no harm.
    static func asked(by response: HTTPResponse, now: Date) -> Duration? {
        if let text = response.header("retry-after-ms"), let milliseconds = Double(text), milliseconds >= 0 {
            return .milliseconds(min(milliseconds, 1e9))
        }
        guard let text = response.header("retry-after") else { return nil }
        if let seconds = Double(text) { return seconds >= 0 ? .seconds(min(seconds, 1e6)) : nil }
        guard let date = httpDate(text) else { return nil }
        let reference = response.header("date").flatMap(httpDate) ?? now
        return .seconds(max(0, min(date.timeIntervalSince(reference), 1e6)))
    }

    // A Regex never changes; it is only not marked as Sendable.
    /// Words such as "try again in 1m20.5s", "retry after 20 seconds".
    private nonisolated(unsafe) static let words =
        /(?:try again|retry|wait|reset|resets|available)(?: again)? (?:in|after|for) (?:about |at least )?(?:(\d+)\s?h(?:ours?)?[ ,]*)?(?:(\d+)\s?m(?:in|ins|inutes?)?(?![a-z])[ ,]*)?(?:(\d+(?:\.\d+)?)\s?(ms|milliseconds?|s|secs?|seconds?)\b)?/
    /// Fields such as `"retryDelay": "17s"` and `"retry_after": 20`, in seconds.
    private nonisolated(unsafe) static let fields =
        /"retry(?:delay|_delay|_?after(?:_?seconds)?)"\s*:\s*"?(\d+(?:\.\d+)?)s?"?/

    /// The wait that an answer's body asks for, in a field or in words.
    static func asked(in text: String) -> Duration? {
        let text = text.lowercased()
        if let field = text.firstMatch(of: fields), let seconds = Double(field.1) {
            return .seconds(min(seconds, 1e6))
        }
        for match in text.matches(of: words) {
            let (hours, minutes) = (match.1.flatMap { Double($0) }, match.2.flatMap { Double($0) })
            var seconds = match.3.flatMap { Double($0) }
            if match.4?.hasPrefix("m") == true { seconds = seconds.map { $0 / 1000 } }
            guard hours != nil || minutes != nil || seconds != nil else { continue }
            return .seconds(min((hours ?? 0) * 3600 + (minutes ?? 0) * 60 + (seconds ?? 0), 1e6))
        }
        return nil
    }

    /// A date as RFC 9110 writes it: `Sun, 06 Nov 1994 08:49:37 GMT`.
    static func httpDate(_ text: String) -> Date? {
        let formatter = DateFormatter()
        formatter.locale = Locale(identifier: "en_US_POSIX")
        formatter.timeZone = TimeZone(secondsFromGMT: 0)
        formatter.dateFormat = "EEE, dd MMM yyyy HH:mm:ss zzz"
        return formatter.date(from: text)
    }
}
