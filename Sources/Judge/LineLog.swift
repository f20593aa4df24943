import Foundation

/// A file of lines that only grows; a line is whole or, after a kill, dropped when it is next read.
struct LineLog {
    let path: String

    /// The rows there are; none when the file is absent. A last line that was cut off is left out.
    func rows<Row: Decodable>(as type: Row.Type = Row.self) throws -> [Row] {
        guard FileManager.default.fileExists(atPath: path) else { return [] }
        guard var data = FileManager.default.contents(atPath: path) else {
            throw JudgeError(.unreadable, "\(path) cannot be read")
        }
        let newline = UInt8(ascii: "\n")
        if let last = data.last, last != newline {
            let start = (data.lastIndex(of: newline).map { $0 + 1 }) ?? data.startIndex
            if (try? JSONDecoder().decode(Row.self, from: Data(data[start...]))) == nil { data = data[..<start] }
        }
        return try decodeJSONLines(Data(data), path: path)
    }

    /// Puts these lines in place of all there are, atomically.
    func replace(with lines: [String]) throws {
        do {
            let folder = URL(filePath: path).deletingLastPathComponent()
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            try Data(lines.map { $0 + "\n" }.joined().utf8).write(to: URL(filePath: path), options: .atomic)
        } catch {
            throw JudgeError(.unreadable, "\(path) cannot be written: \(error.localizedDescription)")
        }
    }

    func append(_ line: String) throws {
        do {
            let handle = try FileHandle(forWritingTo: URL(filePath: path))
            defer { try? handle.close() }
            try handle.seekToEnd()
            try handle.write(contentsOf: Data((line + "\n").utf8))
        } catch {
            throw JudgeError(.unreadable, "\(path) cannot be written: \(error.localizedDescription)")
        }
    }
}

/// One value as one line of JSON with sorted keys.
func jsonLine(_ value: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(value), as: UTF8.self)
}
