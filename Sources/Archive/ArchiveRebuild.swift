import Foundation
import GRDB
import LabCore

/// What `archive rebuild` restored, and what it could not.
public struct RebuildReport: Codable, Sendable, Equatable {
    public var campaigns: [String] = []
    public var losses = 0
    public var trials = 0
    public var reruns = 0
    /// Campaigns whose run directory is gone; their rows were left as they are.
    public var onlyInArchive: [String] = []
    /// Files that could not be read, each with its reason.
    public var unreadable: [String] = []
    /// Where a damaged archive was moved to.
    public var movedAside: String?
}

extension SQLiteArchive {
    /// Restores every row from the run directories below `runs`; a damaged archive is moved aside, never removed.
    ///
    /// Each campaign's rows are replaced at once, so whoever reads meanwhile sees the old ones or the new.
    public static func rebuild(_ path: String, from runs: String) async throws -> RebuildReport {
        var report = RebuildReport()
        let archive: SQLiteArchive
        if let sound = try openIfSound(path) {
            archive = sound
        } else {
            report.movedAside = try moveAside(path)
            archive = try SQLiteArchive(path)
        }
        for files in RunFiles.all(in: runs) {
            do {
                let found = try await archive.restore(files)
                report.campaigns.append(found.name)
                report.losses += found.losses
                report.trials += found.trials
                report.unreadable += found.unreadable
            } catch let error as ArchiveError where error.path.hasPrefix(files.path) {
                report.unreadable.append(error.description)
            }
        }
        try await archive.restoreReruns(RerunFiles(in: runs), &report)
        report.onlyInArchive = try await archive.campaigns().map(\.name).filter { !report.campaigns.contains($0) }
            .sorted()
        return report
    }

    /// Rows of reruns whose folder is gone are left as they are.
    private func restoreReruns(_ files: RerunFiles, _ report: inout RebuildReport) async throws {
        for id in files.ids() {
            do {
                try await record(try files.record(id))
                report.reruns += 1
            } catch let error as ArchiveError where error.path == files.file(of: id) {
                report.unreadable.append(error.description)
            }
        }
    }

    private static func openIfSound(_ path: String) throws -> SQLiteArchive? {
        do {
            let archive = try SQLiteArchive(path)
            let check = try ArchiveError.translating(path) {
                try archive.database.read { try String.fetchOne($0, sql: "PRAGMA quick_check(1)") }
            }
            return check == "ok" ? archive : nil
        } catch let error as ArchiveError where [.corrupt, .notAnArchive].contains(error.code) {
            return nil
        }
    }

    private static func moveAside(_ path: String) throws -> String {
        var number = 1
        while FileManager.default.fileExists(atPath: "\(path).damaged-\(number)") { number += 1 }
        let target = "\(path).damaged-\(number)"
        for suffix in ["", "-wal", "-shm"] where FileManager.default.fileExists(atPath: path + suffix) {
            guard rename(path + suffix, target + suffix) == 0 else {
                throw ArchiveError.system(errno, path: path + suffix, doing: "moved aside")
            }
        }
        return target
    }

    private struct Restored: Sendable {
        var name: String
        var losses = 0
        var trials = 0
        var unreadable: [String] = []
    }

    private func restore(_ files: RunFiles) async throws -> Restored {
        let manifest = try files.manifest()
        let name = manifest.config.name
        let restored = try await write { database in
            var restored = Restored(name: name)
            // By name, not by reference alone: a row that was changed by hand may refer to nothing.
            for table in ["parents", "trials", "confirmations", "comparisons", "candidates"] {
                try database.execute(sql: "DELETE FROM \(table) WHERE campaign = ?", arguments: [name])
            }
            try database.execute(sql: "DELETE FROM campaigns WHERE name = ?", arguments: [name])
            try Rows.insert(manifest, in: database)
            try Rows.note(chain: try ChainContent.read(files.path).head.nilIfEmpty, of: name, in: database)
            for folder in files.candidateFolders() {
                do {
                    guard let candidate = try files.candidate(in: folder) else { continue }
                    try Rows.insert(candidate, try ArchiveJSON.text(candidate), of: name, in: database)
                    restored.losses += 1
                    for trial in try files.trials(in: folder) {
                        try Rows.insert(trial, try ArchiveJSON.text(trial), of: candidate.id, name, in: database)
                        restored.trials += 1
                    }
                } catch let error as ArchiveError where error.code != .diskFull {
                    restored.unreadable.append(error.description)
                }
            }
            do {
                if let confirmation = try files.confirmation() {
                    try Rows.insert(confirmation, of: name, in: database)
                }
            } catch let error as ArchiveError {
                restored.unreadable.append(error.description)
            }
            return restored
        }
        return restored
    }
}

extension String {
    fileprivate var nilIfEmpty: String? { isEmpty ? nil : self }
}
