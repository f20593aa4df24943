import Foundation
import LabCore
import Logging

/// Characters of one message on standard error; an exception of a chat template once had 100,309.
private let longestMessage = 8_000

/// Prints for people and pipes, in the place of the standard library's: whatever models, servers, data and files gave is
/// shown with its control characters as text, since a terminal would obey them.
func print(_ items: Any..., separator: String = " ", terminator: String = "\n") {
    Swift.print(items.map { "\($0)".printable }.joined(separator: separator), terminator: terminator)
}

/// Logs and progress belong on standard error; standard output is for data. Long messages are cut, and say so.
func log(_ text: String) {
    // Over a progress line that is there.
    let line = isatty(STDERR_FILENO) == 1 ? "\r\u{1B}[K" : ""
    FileHandle.standardError.write(Data((line + text.printable(upTo: longestMessage) + "\n").utf8))
}

/// The campaign's log on standard error, through the same printer.
struct PrintableLogHandler: LogHandler {
    private var handler: StreamLogHandler

    init(label: String) { handler = StreamLogHandler.standardError(label: label) }

    var metadata: Logger.Metadata {
        get { handler.metadata }
        set { handler.metadata = newValue }
    }

    var logLevel: Logger.Level {
        get { handler.logLevel }
        set { handler.logLevel = newValue }
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { handler[metadataKey: key] }
        set { handler[metadataKey: key] = newValue }
    }

    func log(event: LogEvent) {
        var event = event
        event.message = "\(event.message.description.printable(upTo: longestMessage))"
        handler.log(event: event)
    }
}
