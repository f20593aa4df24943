import Foundation
import GRDB
import LabCore

/// One way in which the archive and a run directory disagree.
public struct ArchiveDisagreement: Codable, Sendable, Equatable, CustomStringConvertible {
    public enum Kind: String, Codable, Sendable {
        /// The database itself is damaged.
        case damaged
        /// A row whose file is gone.
        case missingFile
        /// A file without its row.
        case missingRow
        /// Both are there and differ.
        case different
        /// The file cannot be read.
        case unreadable
    }

    public let kind: Kind
    public let campaign: String?
    /// The file concerned, or the database.
    public let path: String
    public let message: String

    public var description: String { "\(path): \(message)" }
}

extension SQLiteArchive {
    /// What `archive verify` finds.
    public struct Verification: Codable, Sendable, Equatable {
        /// Empty when all is well.
        public var disagreements: [ArchiveDisagreement] = []
        /// What the chain of each run speaks for; what it does not is no error.
        public var coverage: [RunCoverage] = []
    }

    /// Compares every row with its file, every column with what the files give, and every file with the run's chain.
    public func verify(against runs: String, campaign only: String? = nil) async throws -> [ArchiveDisagreement] {
        try await verification(against: runs, campaign: only).disagreements
    }

    public func verification(against runs: String, campaign only: String? = nil) async throws -> Verification {
        var verification = Verification(disagreements: try await damage())
        let folders = Dictionary(RunFiles.all(in: runs).map { ($0.name, $0) }) { first, _ in first }
        let names = Set(try await campaigns().map(\.name)).union(folders.keys).filter { only == nil || $0 == only }
        for name in names.sorted() {
            guard let files = folders[name] else {
                verification.disagreements.append(
                    ArchiveDisagreement(
                        kind: .missingFile, campaign: name, path: "\(runs)/\(name)",
                        message: "the archive has campaign \(name), but its run directory is gone; only its rows remain"
                    ))
                continue
            }
            let (found, coverage) = try await read { database in
                var found = try disagreements(database, files, campaign: name)
                let check = try ChainCheck(
                    files.path, name: name, campaign: name, recordedHead: try Rows.chain(of: name, in: database),
                    known: Set(found.filter { $0.kind != .missingRow }.map(\.path)))
                found += try columnDisagreements(
                    database, files, campaign: name, besides: Set(found.map(\.path)),
                    changed: Set(check.found.map(\.path)))
                return (found + check.found, check.coverage)
            }
            verification.disagreements += found
            verification.coverage.append(coverage)
        }
        if only == nil {
            let (found, coverage) = try await read { try rerunDisagreements($0, RerunFiles(in: runs)) }
            verification.disagreements += found
            verification.coverage += coverage
        }
        return verification
    }

    private func damage() async throws -> [ArchiveDisagreement] {
        let path = path
        return try await read { database in
            let integrity = try String.fetchAll(database, sql: "PRAGMA integrity_check(5)").filter { $0 != "ok" }
            let references = try Row.fetchAll(database, sql: "PRAGMA foreign_key_check").map { row in
                "a row of \(row["table"] as String? ?? "a table") refers to one that is not there"
            }
            return (integrity + references).map {
                ArchiveDisagreement(
                    kind: .damaged, campaign: nil, path: path, message: "\($0); \(ArchiveError.rebuildAdvice)")
            }
        }
    }
}

/// Rows of one campaign against its files.
private func disagreements(_ database: Database, _ files: RunFiles, campaign: String) throws -> [ArchiveDisagreement] {
    let recorded = try expectedFiles(database, campaign)
    var found: [ArchiveDisagreement] = []
    func add(_ kind: ArchiveDisagreement.Kind, _ key: String, _ message: String) {
        found.append(
            ArchiveDisagreement(kind: kind, campaign: campaign, path: "\(files.path)/\(key)", message: message))
    }
    for key in evidenceKeys(files) where recorded[key] == nil {
        add(.missingRow, key, "is not in the archive; `losslab archive rebuild` adds it")
    }
    for (key, content) in recorded.sorted(by: { $0.key < $1.key }) {
        do {
            guard let text = try files.text(at: key) else {
                add(.missingFile, key, "is gone, though the archive has its row; restore it from a copy")
                continue
            }
            if try !content.matches(text, at: "\(files.path)/\(key)") {
                add(.different, key, "differs from what was recorded; see which is right, then rebuild or restore it")
            }
        } catch {
            add(.unreadable, key, "cannot be compared with its row: \(error)")
        }
    }
    return found
}

/// Reruns against their files.
private func rerunDisagreements(
    _ database: Database, _ files: RerunFiles
) throws -> ([ArchiveDisagreement], [RunCoverage]) {
    let recorded = try RerunRows.documents(in: database)
    var found: [ArchiveDisagreement] = []
    func add(_ kind: ArchiveDisagreement.Kind, _ id: String, _ message: String) {
        found.append(ArchiveDisagreement(kind: kind, campaign: nil, path: files.file(of: id), message: message))
    }
    for id in files.ids() where recorded[id] == nil {
        add(.missingRow, id, "is not in the archive; `losslab archive rebuild` adds it")
    }
    for (id, document) in recorded.sorted(by: { $0.key < $1.key }) {
        do {
            guard try files.text(of: id) != nil else {
                add(.missingFile, id, "is gone, though the archive has its row; restore it from a copy")
                continue
            }
            if try ArchiveJSON.text(try files.record(id)) != document {
                add(.different, id, "differs from what was recorded; see which is right, then rebuild or restore it")
            }
        } catch {
            add(.unreadable, id, "cannot be compared with its row: \(error)")
        }
    }
    var coverage: [RunCoverage] = []
    let ids = files.ids()
    guard !ids.isEmpty else { return (found, []) }
    let columns = try StoredColumns()
    for id in ids {
        if !found.contains(where: { $0.path == files.file(of: id) }), let record = try? files.record(id) {
            let differences = try columns.differences(
                in: [("reruns", ["id", "name"], "id = :id")], arguments: ["id": id], stored: database
            ) { try RerunRows.insert(record, try ArchiveJSON.text(record), in: $0) }
            for difference in differences {
                add(.different, id, "\(difference); `losslab archive rebuild` restores the archive from the files")
            }
        }
        let check = try ChainCheck(
            files.folder(of: id), name: "\(RerunFiles.folder)/\(id)", campaign: nil, recordedHead: nil,
            known: Set(found.map(\.path)))
        found += check.found
        coverage.append(check.coverage)
    }
    return (found, coverage)
}

/// What a file should hold: a text to the byte, a value whatever its formatting, trials in whatever order.
private enum RecordedContent {
    case text(String)
    case candidate(String)
    case confirmation(String)
    /// By slug.
    case trials([String: String])

    func matches(_ text: String, at path: String) throws -> Bool {
        switch self {
        case .text(let expected): return text == expected
        case .candidate(let document): return try isEqual(text, document, as: Candidate.self)
        case .confirmation(let document): return try isEqual(text, document, as: Confirmation.self)
        case .trials(let documents):
            let lines = try TrialFile.linesBySlug(path)
            return try lines.count == documents.count
                && lines.allSatisfy { slug, line in
                    try documents[slug].map { try isEqual(line, $0, as: TrialRecord.self) } ?? false
                }
        }
    }

    private func isEqual<Value: Codable>(_ text: String, _ document: String, as type: Value.Type) throws -> Bool {
        try text == document || ArchiveJSON.text(try ArchiveJSON.decode(type, from: text)) == document
    }
}

private func expectedFiles(_ database: Database, _ campaign: String) throws -> [String: RecordedContent] {
    var expected: [String: RecordedContent] = [:]
    var folders: [Int: String] = [:]
    for candidate in try Rows.candidates(of: campaign, in: database) {
        let folder = RunLayout.folder(of: candidate.id, name: candidate.lossName)
        folders[candidate.id.number] = folder
        expected[RunLayout.candidate(in: folder)] = .candidate(try ArchiveJSON.text(candidate))
        if let source = candidate.source { expected[RunLayout.loss(in: folder)] = .text(source.text) }
    }
    for (id, documents) in try Rows.trialDocuments(of: campaign, in: database) {
        let folder = folders[id.number] ?? RunLayout.folder(of: id, name: RunLayout.unrecorded)
        expected[RunLayout.trials(in: folder)] = .trials(documents)
    }
    let sql = "SELECT confirmation FROM campaigns WHERE name = ? AND confirmation IS NOT NULL"
    if let document = try String.fetchOne(database, sql: sql, arguments: [campaign]) {
        expected[RunLayout.confirmation] = .confirmation(document)
    }
    return expected
}

/// Keys of the files that must have a row.
private func evidenceKeys(_ files: RunFiles) -> [String] {
    var keys: [String] = []
    for folder in files.candidateFolders() {
        keys += [RunLayout.candidate(in: folder), RunLayout.trials(in: folder)].filter {
            FileManager.default.fileExists(atPath: "\(files.path)/\($0)")
        }
    }
    if FileManager.default.fileExists(atPath: "\(files.path)/\(RunLayout.confirmation)") {
        keys.append(RunLayout.confirmation)
    }
    return keys.sorted()
}
