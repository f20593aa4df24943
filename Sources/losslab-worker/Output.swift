import Glibc

/// Writes a text to standard error.
func complain(_ text: String) {
    writeAll(text, to: 2)
}

/// Says why this process ends before it took any job: one JSON line on `descriptor`, one line on standard error.
///
/// - Parameter logged: whether standard error has more than this line, such as Python's trace.
func emitFatal(_ reason: String, logged: Bool = false, to descriptor: Int32) {
    complain("losslab-worker: \(reason)\n")
    writeAll(#"{"event":"fatal","error":\#(jsonText(reason)),"logged":\#(logged)}"# + "\n", to: descriptor)
}

func writeAll(_ text: String, to descriptor: Int32) {
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
        let written = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
        if written < 0 && errno == EINTR { continue }
        if written <= 0 { return }
        bytes = bytes.dropFirst(written)
    }
}

/// A string as JSON; this program does without Foundation because it forks.
func jsonText(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
        switch scalar {
        case "\"": result += "\\\""
        case "\\": result += "\\\\"
        case "\n": result += "\\n"
        default:
            if scalar.value < 0x20 {
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            } else {
                result.unicodeScalars.append(scalar)
            }
        }
    }
    return result + "\""
}
