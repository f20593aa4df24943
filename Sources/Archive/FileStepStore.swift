import Foundation
public import LabCore

/// Finished steps as files below a folder: a key is a path. See `AtomicFileWriter` for what survives what.
public struct FileStepStore: StepStore {
    public let folder: String
    private let writer: AtomicFileWriter

    /// Opens the store, making its folder, and removes what an earlier process left half-written.
    ///
    /// - Parameters:
    ///   - shared: other processes may be writing there too, so that only leftovers older than an hour are removed.
    ///   - syncInterval: the least time between two syncs to disk; zero syncs every value.
    public init(_ folder: String, shared: Bool = false, syncInterval: Duration = .milliseconds(200)) throws {
        self.folder = folder
        writer = AtomicFileWriter(syncInterval: syncInterval)
        try makeFolder(folder)
        removeLeftovers(olderThan: shared ? 3_600 : 0)
    }

    public func value(for key: String) throws -> [UInt8]? { try readWhole(try path(of: key)) }

    public func store(_ value: [UInt8], for key: String) throws { try writer.write(value, to: try path(of: key)) }

    /// Stores a text unless it is there already.
    func keep(_ value: [UInt8], for key: String) throws {
        if try self.value(for: key) != value { try store(value, for: key) }
    }

    /// Stores several values in a folder that is not there yet, all or none; says whether it did.
    func storeFolder(_ key: String, files: [(name: String, bytes: [UInt8])]) throws -> Bool {
        try writer.writeFolder(try path(of: key), files: files)
    }

    /// Where a key's value lies. Keys name files below the folder and nothing else.
    func path(of key: String) throws -> String {
        let parts = key.split(separator: "/", omittingEmptySubsequences: false)
        let sound = parts.allSatisfy { part in
            !part.isEmpty && !part.hasPrefix(".") && part.utf8.count <= 200 && !part.utf8.contains(0)
        }
        guard sound, !key.isEmpty else {
            throw ArchiveError(
                .invalidKey, path: folder,
                "`\(key)` is no key: its parts between `/` must not be empty, begin with a dot or pass 200 bytes")
        }
        return "\(folder)/\(key)"
    }

    private func removeLeftovers(olderThan seconds: Double) {
        guard let names = FileManager.default.enumerator(atPath: folder) else { return }
        for case let name as String in names where isTemporary(name) {
            let path = "\(folder)/\(name)"
            var status = stat()
            guard stat(path, &status) == 0 else { continue }
            let age = Date().timeIntervalSince1970 - Double(status.st_mtim.tv_sec)
            if seconds == 0 || age > seconds { removeTemporary(path) }
        }
    }

    private func isTemporary(_ name: String) -> Bool {
        (name.split(separator: "/").last ?? "").hasPrefix(AtomicFileWriter.temporaryPrefix)
    }
}
