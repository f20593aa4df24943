import Foundation
import LabCore

/// Reads a file of one JSON object a line; empty lines are skipped.
///
/// Throws a `JudgeError` that names the file and the line.
func readJSONLines<Row: Decodable>(_ path: String, as type: Row.Type = Row.self) throws -> [Row] {
    guard let data = FileManager.default.contents(atPath: path) else {
        throw JudgeError(.unreadable, "\(path) cannot be read; check the path")
    }
    return try decodeJSONLines(data, path: path)
}

func decodeJSONLines<Row: Decodable>(_ data: Data, path: String) throws -> [Row] {
    let decoder = JSONDecoder()
    var rows: [Row] = []
    for (index, line) in data.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).enumerated() {
        if line.allSatisfy({ $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") || $0 == UInt8(ascii: "\r") }) {
            continue
        }
        do {
            do { rows.append(try decoder.decode(Row.self, from: Data(line))) } catch {
                // Older versions and other tools wrote scores that JSON has no number for; the judgment is worth keeping.
                guard let mended = withoutImpossibleScore(line) else { throw error }
                rows.append(try decoder.decode(Row.self, from: mended))
            }
        } catch let error as DecodingError {
            throw JudgeError(.malformed, "\(path):\(index + 1): not a \(Row.self): \(error.sentence)")
        }
    }
    return rows
}

/// The line with -1, which stands for none, where its score is infinite, no number, or too large for one.
private func withoutImpossibleScore(_ line: Data.SubSequence) -> Data? {
    let text = String(decoding: line, as: UTF8.self)
    // Within a string the quotes would stand behind backslashes.
    let mended = text.replacing(
        /"score": ?(?:-?(?:inf|Infinity|NaN|nan)|\d{20,}(?:\.\d*)?)(?=[,}])/, with: "\"score\": -1")
    return mended == text ? nil : Data(mended.utf8)
}
