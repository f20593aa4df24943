import Foundation

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
            rows.append(try decoder.decode(Row.self, from: Data(line)))
        } catch let error as DecodingError {
            throw JudgeError(.malformed, "\(path):\(index + 1): not a \(Row.self): \(explanation(of: error))")
        }
    }
    return rows
}

private func explanation(of error: DecodingError) -> String {
    func place(_ context: DecodingError.Context) -> String {
        context.codingPath.isEmpty ? "" : " at \(context.codingPath.map(\.stringValue).joined(separator: "."))"
    }
    switch error {
    case .keyNotFound(let key, let context): return "`\(key.stringValue)` is missing\(place(context))"
    case .typeMismatch(_, let context), .valueNotFound(_, let context):
        return context.debugDescription + place(context)
    case .dataCorrupted(let context): return "no JSON: \(context.debugDescription)"
    @unknown default: return String(describing: error)
    }
}
