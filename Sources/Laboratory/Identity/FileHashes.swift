import Foundation
import LabCore

/// SHA-256 of files and folders as they are now.
///
/// Every byte is read. The digest of a large file is remembered, and believed while the file has the same place, inode,
/// size and times, which every change of its content changes.
public struct FileHashes: Sendable {
    private let memory: String?

    /// - Parameter memory: folder that keeps digests of large files between commands; `nil` reads them every time.
    public init(memory: String? = nil) {
        self.memory = memory
    }

    /// What a path holds: a file's digest, a folder's over all its files' names and contents; the path itself where it
    /// names nothing here, such as a Hub id.
    ///
    /// - Throws: `FileHashError` naming a file that is there and cannot be read.
    public func identity(of path: String) throws -> String {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else { return path }
        guard isFolder.boolValue else { return "content " + (try hash(ofFile: path)) }
        let names = try files(below: path)
        let lines = try names.map { "\($0) \(try hash(ofFile: path + "/" + $0))\n" }
        return "content " + ContentHash.sha256(lines.joined())
    }

    /// The digest of one file's bytes.
    ///
    /// - Throws: `FileHashError`.
    public func hash(ofFile path: String) throws -> String {
        var status = stat()
        guard stat(path, &status) == 0 else {
            throw FileHashError(path, "cannot be read (\(String(cString: strerror(errno))))")
        }
        guard status.st_mode & S_IFMT == S_IFREG else { throw FileHashError(path, "is no regular file") }
        guard let memory, status.st_size > Self.largeBytes else { return try read(path) }
        let kept = "\(memory)/\(ContentHash.sha256("\(path)\n\(Self.state(status))"))"
        if let digest = try? String(contentsOfFile: kept, encoding: .utf8), Self.isDigest(digest) { return digest }
        let digest = try read(path)
        var after = stat()
        // What changed while it was read, or so short ago that a further change could carry the same time, is not kept.
        if stat(path, &after) == 0, Self.state(after) == Self.state(status),
            time(nil) - max(status.st_mtim.tv_sec, status.st_ctim.tv_sec) > Self.settledSeconds
        {
            try? FileManager.default.createDirectory(atPath: memory, withIntermediateDirectories: true)
            try? digest.write(toFile: kept, atomically: true, encoding: .utf8)
        }
        return digest
    }

    private static func isDigest(_ text: String) -> Bool { text.utf8.count == 64 && text.allSatisfy(\.isHexDigit) }

    private static let largeBytes = 8 << 20
    private static let settledSeconds = 2
    private static let pieceBytes = 1 << 20

    private static func state(_ status: stat) -> String {
        [
            Int(status.st_dev), Int(status.st_ino), Int(status.st_size), status.st_mtim.tv_sec, status.st_mtim.tv_nsec,
            status.st_ctim.tv_sec, status.st_ctim.tv_nsec,
        ].map(String.init).joined(separator: " ")
    }

    private func read(_ path: String) throws -> String {
        var hash = SHA256()
        do {
            let file = try FileHandle(forReadingFrom: URL(filePath: path))
            defer { try? file.close() }
            while let piece = try file.read(upToCount: Self.pieceBytes), !piece.isEmpty { hash.update(piece) }
        } catch {
            throw FileHashError(
                path, "cannot be read (\((error as NSError).localizedFailureReason ?? "no reason given"))")
        }
        return hash.finish()
    }

    /// Paths of all that is no folder, relative to the folder, in order.
    private func files(below folder: String) throws -> [String] {
        guard let names = try? FileManager.default.subpathsOfDirectory(atPath: folder) else {
            throw FileHashError(folder, "cannot be listed")
        }
        return names.sorted().filter { name in
            var isFolder: ObjCBool = false
            return
                !(FileManager.default.fileExists(atPath: "\(folder)/\(name)", isDirectory: &isFolder)
                && isFolder.boolValue)
        }
    }
}

/// A file that results depend on and that cannot be read: no result can be named without it.
public struct FileHashError: Error, CustomStringConvertible, Sendable {
    public let path: String
    public let reason: String

    init(_ path: String, _ reason: String) {
        self.path = path
        self.reason = reason
    }

    public var description: String {
        "\(path) \(reason), and results depend on what it holds; make it readable, or remove it"
    }
}
