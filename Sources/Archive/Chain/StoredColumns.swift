import GRDB
import LabCore

/// Every column of an archive's rows against what the files give, by way of the rows that a rebuild would write.
///
/// So nothing can be stored that is not compared: a new column or table is, as soon as it is written.
struct StoredColumns {
    private let fresh: DatabaseQueue

    init() throws {
        fresh = try DatabaseQueue()
        try Schema.migrator.migrate(fresh)
    }

    /// Where the two differ, in words, by the file that decides; the rows of the file's campaign, or of part of it.
    ///
    /// - Parameters:
    ///   - stored: the archive.
    ///   - condition: which rows of each table, with their arguments.
    ///   - write: puts the rows that the files give into an empty archive.
    func differences(
        in tables: [(name: String, key: [String], condition: String)], arguments: StatementArguments,
        stored: Database, write: @escaping @Sendable (Database) throws -> Void
    ) throws -> [String] {
        try fresh.write { fresh in
            try write(fresh)
            var found: [String] = []
            for table in tables {
                found += try Self.differences(table.name, table.key, table.condition, arguments, stored, fresh)
            }
            for table in ["campaigns", "reruns"] { try fresh.execute(sql: "DELETE FROM \(table)") }
            return found
        }
    }

    /// Not compared: what files cannot give.
    private static let notInFiles: Set<String> = ["chain"]

    private static func differences(
        _ table: String, _ key: [String], _ condition: String, _ arguments: StatementArguments, _ stored: Database,
        _ fresh: Database
    ) throws -> [String] {
        guard try stored.tableExists(table) else { return [] }
        func rows(_ database: Database) throws -> [String: Row] {
            let all = try Row.fetchAll(
                database, sql: "SELECT * FROM \(table) WHERE \(condition)", arguments: arguments)
            return Dictionary(
                all.map { row in (key.map { text(row[$0] as DatabaseValue) }.joined(separator: " "), row) }
            ) { first, _ in first }
        }
        let (kept, given) = (try rows(stored), try rows(fresh))
        var found: [String] = []
        for name in Set(kept.keys).union(given.keys).sorted() {
            guard let row = kept[name] else {
                found.append("the archive's table \(table) lacks the row \(name)")
                continue
            }
            guard let other = given[name] else {
                found.append("the archive's table \(table) has a row \(name), which the run directory does not give")
                continue
            }
            let columns = other.columnNames.filter { !notInFiles.contains($0) && !isSame(row[$0], other[$0]) }
            guard let column = columns.first else { continue }
            let (own, due) = (text(row[column] as DatabaseValue), text(other[column] as DatabaseValue))
            let more = columns.count > 1 ? " (columns that differ: \(columns.count))" : ""
            found.append(
                "the archive's \(table).\(column) of \(name) is \(short(own)), the run directory gives \(short(due))\(more)"
            )
        }
        return found
    }

    private static func isSame(_ one: DatabaseValue?, _ other: DatabaseValue?) -> Bool {
        // Older archives lack a column that there is now.
        guard let one, let other else { return true }
        return one == other
    }

    private static func text(_ value: DatabaseValue) -> String {
        switch value.storage {
        case .null: "nothing"
        case .int64(let number): "\(number)"
        case .double(let number): "\(number)"
        case .string(let text): text
        case .blob: "bytes"
        }
    }

    private static func short(_ text: String) -> String {
        let line = text.prefix(60).map { $0.isNewline ? " " : String($0) }.joined()
        return text.count > 60 ? "\"\(line)...\"" : line
    }
}
