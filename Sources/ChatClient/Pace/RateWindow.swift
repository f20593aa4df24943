/// How many requests and tokens went out in the last minute, and when the next may. Pure: times are given.
///
/// The window slides: in no sixty seconds go more requests than `requests` or more tokens than `tokens`.
struct RateWindow {
    static let length = Duration.seconds(60)

    struct Entry {
        let number: Int
        let time: Duration
        var tokens: Int
    }

    let requests: Int?
    let tokens: Int?
    private var entries: [Entry] = []
    private var lastNumber = 0

    init(requests: Int?, tokens: Int?) {
        self.requests = requests
        self.tokens = tokens
    }

    /// How long a request of so many tokens has to wait; zero when it may go now. One that is larger than the whole
    /// limit goes when nothing else is in the window.
    func wait(for size: Int, at now: Duration) -> Duration {
        let recent = entries.filter { $0.time + Self.length > now }
        var last: Duration?
        if let requests, recent.count >= requests { last = recent[recent.count - requests].time }
        if let tokens {
            var excess = recent.reduce(size) { $0.plus($1.tokens) }.minus(tokens)
            for entry in recent where excess > 0 {
                excess = excess.minus(entry.tokens)
                last = max(last ?? entry.time, entry.time)
            }
        }
        return last.map { $0 + Self.length - now } ?? .zero
    }

    /// Notes a request that goes now; the number stands for it in `correct`.
    mutating func note(_ size: Int, at now: Duration) -> Int {
        entries.removeAll { $0.time + Self.length <= now }
        lastNumber += 1
        entries.append(Entry(number: lastNumber, time: now, tokens: size))
        return lastNumber
    }

    /// Replaces a request's estimate by the tokens it really used.
    mutating func correct(_ number: Int, to size: Int) {
        guard let index = entries.firstIndex(where: { $0.number == number }) else { return }
        entries[index].tokens = size
    }
}
