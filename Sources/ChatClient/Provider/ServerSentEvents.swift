/// Splits a stream of server-sent events into events as its bytes arrive, wherever they are cut.
struct ServerSentEvents {
    struct Event: Hashable {
        var name = ""
        /// The `data` lines, joined by line feeds.
        var data: [UInt8] = []
    }

    private var line: [UInt8] = []
    private var event = Event()
    private var hasData = false
    private var lastWasReturn = false
    private var isFirstLine = true

    /// The events that these bytes complete. Lines end with LF, CR or CRLF; an event ends with an empty line.
    mutating func take(_ bytes: some Sequence<UInt8>) -> [Event] {
        var events: [Event] = []
        for byte in bytes {
            defer { lastWasReturn = byte == 0x0D }
            guard byte == 0x0A || byte == 0x0D else {
                line.append(byte)
                continue
            }
            if byte == 0x0A, lastWasReturn { continue }
            if let event = endLine() { events.append(event) }
        }
        return events
    }

    /// The event that the end of the stream completes, where a server forgot the empty line.
    mutating func finish() -> Event? {
        if !line.isEmpty, let event = endLine() { return event }
        return endEvent()
    }

    private mutating func endLine() -> Event? {
        defer { line.removeAll(keepingCapacity: true) }
        if isFirstLine {
            isFirstLine = false
            if line.starts(with: [0xEF, 0xBB, 0xBF]) { line.removeFirst(3) }
        }
        guard !line.isEmpty else { return endEvent() }
        let colon = line.firstIndex(of: UInt8(ascii: ":")) ?? line.endIndex
        var value = line[min(colon + 1, line.endIndex)...]
        if value.first == 0x20 { value.removeFirst() }
        switch String(decoding: line[..<colon], as: UTF8.self) {
        case "data":
            if hasData { event.data.append(0x0A) }
            event.data.append(contentsOf: value)
            hasData = true
        case "event": event.name = String(decoding: value, as: UTF8.self)
        default: break  // comments, `id`, `retry`
        }
        return nil
    }

    private mutating func endEvent() -> Event? {
        defer {
            event = Event()
            hasData = false
        }
        return hasData ? event : nil
    }
}
