import Foundation
import Yams

/// Largest file that is read; every file here is written by hand or by a small program.
private let largestFile = 4 << 20

/// Reads a whole text file.
func readText(_ path: String) throws(ConfigError) -> String {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
        if errno == ENOENT { throw ConfigError(.unreadable, file: path, "no such file\(neighbours(of: path))") }
        throw ConfigError(.unreadable, file: path, "cannot be opened: \(String(cString: strerror(errno)))")
    }
    let handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
    let data: Data
    do { data = try handle.read(upToCount: largestFile + 1) ?? Data() } catch {
        var isFolder: ObjCBool = false
        if FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue {
            throw ConfigError(.unreadable, file: path, "is a folder; name a file in it\(neighbours(of: path + "/x"))")
        }
        throw ConfigError(.unreadable, file: path, "cannot be read: \(error.localizedDescription)")
    }
    guard data.count <= largestFile else {
        throw ConfigError(.malformed, file: path, "is larger than 4 MiB, so it is not the file meant")
    }
    guard let text = String(data: data, encoding: .utf8) else {
        throw ConfigError(.malformed, file: path, "is not UTF-8 text; save it as UTF-8")
    }
    return text
}

/// "; files there: a.yaml, b.yaml" for files of the same extension in the folder of a missing one.
private func neighbours(of path: String) -> String {
    let url = URL(fileURLWithPath: path)
    let folder = url.deletingLastPathComponent()
    guard let names = try? FileManager.default.contentsOfDirectory(atPath: folder.path) else {
        return "; its folder does not exist either: \(folder.path)"
    }
    let wanted = url.pathExtension.isEmpty || url.lastPathComponent == "x" ? "yaml" : url.pathExtension
    let same = names.filter { $0.hasSuffix(".\(wanted)") }.sorted()
    return same.isEmpty ? "" : "; .\(wanted) files there: \(same.prefix(12).joined(separator: ", "))"
}

/// Parses one YAML document that stands at `offset` in its file.
func composeYAML(_ text: String, file: String, offset: TextOffset = .none) throws(ConfigError) -> Node {
    let node: Node?
    do { node = try Yams.compose(yaml: text) } catch {
        throw malformed(error, file: file, offset: offset)
    }
    guard let node else { throw ConfigError(.malformed, file: file, line: offset.lines + 1, "holds no YAML at all") }
    return node
}

private func malformed(_ error: any Error, file: String, offset: TextOffset) -> ConfigError {
    func at(_ mark: Mark, _ message: String) -> ConfigError {
        let place = offset.place(mark)
        return ConfigError(.malformed, file: file, line: place.line, column: place.column, message)
    }
    switch error as? YamlError {
    case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
        .composer(_, let problem, let mark, _):
        return at(mark, "not YAML: \(problem); check indentation, colons and quotes here")
    case .duplicatedKeysInMapping(let keys, let context):
        return at(context.mark, "the mapping that begins here has `\(keys.joined(separator: "`, `"))` twice; keep one")
    case .reader(let problem, _, _, _):
        return ConfigError(.malformed, file: file, "not YAML: \(problem)")
    default:
        return ConfigError(.malformed, file: file, "not YAML: \(error)")
    }
}

/// Where an embedded text begins in its file: lines before it, and columns before each of its lines.
struct TextOffset {
    let lines: Int
    let columns: Int

    static let none = TextOffset(lines: 0, columns: 0)

    func place(_ mark: Mark) -> Place { Place(line: mark.line + lines, column: mark.column + columns) }
}

extension Node {
    /// What the node is, in a person's words.
    var kindInWords: String {
        switch self {
        case .mapping: "a mapping of keys"
        case .sequence: "a list"
        case .scalar(let scalar): scalar.string.isEmpty ? "nothing" : "`\(scalar.string)`"
        case .alias: "an alias"
        }
    }
}
