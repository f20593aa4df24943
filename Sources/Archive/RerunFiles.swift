import Foundation
import LabCore

/// The folders of reruns below `runs/reruns`.
public struct RerunFiles: Sendable {
    static let folder = "reruns"
    static let record = "rerun.json"

    /// `runs/reruns`.
    public let path: String

    public init(in runs: String) { path = "\(runs)/\(Self.folder)" }

    /// Where one rerun's files are.
    public func folder(of id: String) -> String { "\(path)/\(id)" }

    /// Writes the evidence for a rerun's rows; the same rerun again takes the place of the first.
    public func keep(_ record: RerunRecord) throws {
        do { _ = try LabName(record.id, of: .rerun) } catch {
            throw ArchiveError(.invalidName, path: path, "\(error)")
        }
        let bytes = try ArchiveJSON.encode(record, pretty: true)
        try AtomicFileWriter(syncInterval: .zero).write(bytes, to: file(of: record.id))
    }

    /// Enters every file of a rerun in its chain, once all are written; the same rerun again enters what changed.
    public func seal(_ id: String) throws {
        let chain = try RunChain(folder(of: id))
        let names = (try? FileManager.default.subpathsOfDirectory(atPath: folder(of: id))) ?? []
        try chain.cover(
            filesAt: names.sorted().filter { $0 != RunChain.file && fileSize("\(folder(of: id))/\($0)") != nil })
    }

    /// Names of the folders that hold a rerun, in order.
    func ids() -> [String] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
        return names.sorted().filter { FileManager.default.fileExists(atPath: file(of: $0)) }
    }

    func file(of id: String) -> String { "\(folder(of: id))/\(Self.record)" }

    func text(of id: String) throws -> String? {
        try readWhole(file(of: id)).map { String(decoding: $0, as: UTF8.self) }
    }

    public func record(_ id: String) throws -> RerunRecord {
        struct Layout: Decodable { let layout: Int }
        guard let text = try text(of: id) else {
            throw ArchiveError(.notFound, path: file(of: id), "there is no such rerun")
        }
        if let layout = try? ArchiveJSON.decode(Layout.self, from: text).layout, layout > RerunRecord.currentLayout {
            throw ArchiveError(
                .newerVersion, path: file(of: id), "was written by a newer version of losslab; update this one")
        }
        do { return try ArchiveJSON.decode(RerunRecord.self, from: text) } catch {
            throw ArchiveError(
                .corrupt, path: file(of: id),
                "does not hold a rerun any more; remove its folder and run the same `losslab loss rerun` again, "
                    + "which reuses the finished trials")
        }
    }
}
