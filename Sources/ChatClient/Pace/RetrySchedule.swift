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

    /// A date as RFC 9110 writes it: `Sun, 06 Nov 1994 08:49:37 GMT`.
    static func httpDate(_ text: String) -> Date? {
        let formatter = DateFormatter()
        formatter.locale = Locale(identifier: "en_US_POSIX")
        formatter.timeZone = TimeZone(secondsFromGMT: 0)
        formatter.dateFormat = "EEE, dd MMM yyyy HH:mm:ss zzz"
        return formatter.date(from: text)
    }
}
