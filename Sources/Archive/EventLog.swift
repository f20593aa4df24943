public import LabCore

/// One line of `events.jsonl`: what happened, and when by the clock.
public struct TimedEvent: Codable, Sendable, Equatable {
    /// ISO 8601, UTC.
    public let at: String
    public let event: CampaignEvent

    public init(at: String, event: CampaignEvent) {
        self.at = at
        self.event = event
    }
}

/// Events as JSON lines.
struct EventLog {
    private let lines: LineFile

    init(_ path: String) throws { lines = try LineFile(path) }

    func append(_ event: TimedEvent) throws { try lines.append(try ArchiveJSON.encode(event)) }

    /// All whole lines of a log, and the numbers of lines that are no events.
    static func read(_ path: String) throws -> (events: [TimedEvent], unreadableLines: [Int]) {
        var events: [TimedEvent] = []
        var unreadable: [Int] = []
        for (index, line) in try LineFile.lines(path).enumerated() {
            if let event = try? ArchiveJSON.decode(TimedEvent.self, from: line) {
                events.append(event)
            } else {
                unreadable.append(index + 1)
            }
        }
        return (events, unreadable)
    }
}
