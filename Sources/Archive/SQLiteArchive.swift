import Foundation
import GRDB
public import LabCore

/// The SQLite record of campaigns, candidates, trials and confirmations: an index that the run directories can restore.
///
/// Several processes may read while one writes. A killed process leaves the archive whole; so does a power cut, which
/// may cost the last rows (resuming records them again).
public final class SQLiteArchive: CandidateArchive {
    public let path: String
    let database: DatabaseQueue

    /// Opens the archive; unless `readOnly`, makes it where there is none and brings an older one up to date.
    ///
    /// - Parameter patience: how long to wait while another process writes.
    /// - Throws: `ArchiveError`.
    public init(_ path: String, readOnly: Bool = false, patience: Duration = .seconds(5)) throws {
        self.path = path
        if readOnly || FileManager.default.fileExists(atPath: path) {
            try Self.checkHeader(path)
        } else {
            try makeFolder(folderPart(of: path))
        }
        var configuration = Configuration()
        configuration.readonly = readOnly
        configuration.busyMode = .timeout(
            Double(patience.components.seconds) + Double(patience.components.attoseconds) * 1e-18)
        configuration.label = "archive"
        if !readOnly { configuration.journalMode = .wal }
        database = try ArchiveError.translating(path) { [configuration] in
            let database = try Self.opened(path, configuration)
            if !readOnly { try Schema.migrator.migrate(database) }
            return database
        }
    }

    private static func opened(_ path: String, _ configuration: Configuration) throws -> DatabaseQueue {
        func open(_ name: String) throws -> DatabaseQueue {
            let database = try DatabaseQueue(path: name, configuration: configuration)
            try database.read { try checkOwner($0, path: path) }
            return database
        }
        do {
            return try open(path)
        } catch let error as DatabaseError
            where error.resultCode == .SQLITE_CANTOPEN && configuration.readonly && isAtRest(path)
        {
            // Even to read, SQLite makes a file beside a database in WAL mode, unless it is told that nobody writes.
            return try open(URL(filePath: path).absoluteString + "?immutable=1")
        }
    }

    /// Whether the archive lies where nothing can be written, with no write of another user's unfinished.
    private static func isAtRest(_ path: String) -> Bool {
        access(folderPart(of: path), W_OK) != 0 && !FileManager.default.fileExists(atPath: path + "-wal")
    }

    /// A file that is there must begin as every SQLite database does, or be empty.
    private static func checkHeader(_ path: String) throws {
        guard let file = FileHandle(forReadingAtPath: path) else {
            if !FileManager.default.fileExists(atPath: path) {
                throw ArchiveError(
                    .notFound, path: path,
                    "there is no archive yet; `losslab campaign run` makes one, `losslab archive rebuild` restores one")
            }
            throw ArchiveError.system(EACCES, path: path, doing: "read")
        }
        defer { try? file.close() }
        let beginning = (try? file.read(upToCount: 16)) ?? Data()
        if !beginning.isEmpty, beginning != Data("SQLite format 3\0".utf8) {
            throw ArchiveError(
                .notAnArchive, path: path,
                "is not a SQLite database; move it away, then \(ArchiveError.rebuildAdvice)")
        }
    }

    private static func checkOwner(_ database: Database, path: String) throws {
        let applicationID = try Int.fetchOne(database, sql: "PRAGMA application_id")
        // A disk that was full at the first start leaves the list of migrations and nothing else.
        let tables =
            try Int.fetchOne(
                database,
                sql: "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name <> 'grdb_migrations'") ?? 0
        if tables > 0, applicationID != Schema.applicationID {
            throw ArchiveError(
                .foreign, path: path, "is the database of another program; move it away or name another path")
        }
        if try Schema.migrator.hasBeenSuperseded(database) {
            throw ArchiveError(
                .newerVersion, path: path,
                "was written by a newer version of losslab; update this one, or name another path")
        }
    }

    /// Notes what a campaign was begun with. Recording works without, but then the archive knows no more than its name.
    public func register(_ manifest: CampaignManifest) async throws {
        try await register(manifest, chain: nil)
    }

    func register(_ manifest: CampaignManifest, chain: String?) async throws {
        try await write { database in
            try Rows.insert(manifest, in: database)
            try Rows.note(chain: chain, of: manifest.config.name, in: database)
        }
    }

    func note(chain: String, of campaign: String) async throws {
        try await write { try Rows.note(chain: chain, of: campaign, in: $0) }
    }

    public func record(_ candidate: Candidate, of campaign: String) async throws {
        try await record([.candidate(candidate, document: try ArchiveJSON.text(candidate))], of: campaign)
    }

    public func record(
        _ outcome: TrialOutcome, _ spec: TrialSpec, of candidate: CandidateID, in campaign: String
    ) async throws {
        let record = TrialRecord(spec: spec, outcome: outcome)
        try await self.record(
            [.trial(record, of: candidate, document: try ArchiveJSON.text(record))], of: campaign)
    }

    /// Rows in one transaction.
    ///
    /// - Parameter chain: the end of the run's chain of files with them.
    func record(_ rows: [ArchiveRow], of campaign: String, chain: String? = nil) async throws {
        try await write { database in
            for row in rows {
                switch row {
                case .candidate(let candidate, let document):
                    try Rows.insert(candidate, document, of: campaign, in: database)
                case .trial(let record, let candidate, let document):
                    try Rows.insert(record, document, of: candidate, campaign, in: database)
                }
            }
            try Rows.note(chain: chain, of: campaign, in: database)
        }
    }

    public func record(_ confirmation: Confirmation, of campaign: String) async throws {
        try await record(confirmation, of: campaign, chain: nil)
    }

    func record(_ confirmation: Confirmation, of campaign: String, chain: String?) async throws {
        try await write { database in
            try Rows.insert(confirmation, of: campaign, in: database)
            try Rows.note(chain: chain, of: campaign, in: database)
        }
    }

    public func snapshot(of campaign: String) async throws -> ArchiveSnapshot {
        ArchiveSnapshot(candidates: try await read { try Rows.candidates(of: campaign, in: $0) })
    }

    func write<Value: Sendable>(_ operation: @escaping @Sendable (Database) throws -> Value) async throws -> Value {
        try await ArchiveError.translating(path) { try await database.write(operation) }
    }

    func read<Value: Sendable>(_ operation: @escaping @Sendable (Database) throws -> Value) async throws -> Value {
        try await ArchiveError.translating(path) { try await database.read(operation) }
    }
}

/// A row to be written, with its value as JSON.
enum ArchiveRow: Sendable {
    case candidate(Candidate, document: String)
    case trial(TrialRecord, of: CandidateID, document: String)
}
