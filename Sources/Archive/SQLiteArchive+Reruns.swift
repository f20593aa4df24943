import GRDB
import LabCore

extension SQLiteArchive {
    /// Records every loss of a rerun; the same rerun again takes the place of the first.
    public func record(_ rerun: RerunRecord) async throws {
        let document = try ArchiveJSON.text(rerun)
        try await write { try RerunRows.insert(rerun, document, in: $0) }
    }

    /// Reruns in which a loss took part, the latest first; of all losses without one named.
    public func reruns(ofText textHash: String? = nil) async throws -> [RerunRecord] {
        try await read { try RerunRows.all(ofText: textHash, in: $0) }
    }

    /// The latest scored row of a loss with exactly this text, in whatever campaign.
    public func earlierScore(ofText text: String, named name: String) async throws -> EarlierScore? {
        let campaigns: [String] = try await read { database in
            let sql = """
                SELECT c.campaign FROM candidates c JOIN campaigns g ON g.name = c.campaign
                WHERE c.name = ? AND c.score IS NOT NULL AND c.document ->> '$.source.text' = ?
                ORDER BY g.started IS NULL, g.started DESC, c.campaign LIMIT 1
                """
            return try String.fetchAll(database, sql: sql, arguments: [name, text])
        }
        guard let campaign = campaigns.first,
            let row = try await losses(of: campaign).first(where: { $0.name == name && $0.score != nil }),
            let score = row.score
        else { return nil }
        return EarlierScore(
            campaign: campaign, world: try await manifest(of: campaign)?.config.world, score: score,
            standardError: row.standardError, differenceFromDPO: row.differenceFromDPO,
            differenceFromDPOStandardError: row.differenceFromDPOStandardError)
    }
}

/// Reruns as rows, one a loss, and back.
enum RerunRows {
    static func insert(_ rerun: RerunRecord, _ document: String, in database: Database) throws {
        try database.execute(sql: "DELETE FROM reruns WHERE id = ?", arguments: [rerun.id])
        for loss in rerun.losses {
            let metrics = loss.metrics
            let values: [(any DatabaseValueConvertible)?] = [
                rerun.id, loss.name, loss.textHash, loss.campaign, loss.candidate?.number, rerun.at, rerun.dataset,
                rerun.model, rerun.against, loss.setting == nil ? "rejected" : "scored",
                loss.setting?.learningRate, loss.setting?.beta, rerun.seeds.count,
                metrics["accuracy"]?.mean, metrics["accuracy"]?.standardError,
                loss.differences["accuracy"]?.mean, loss.differences["accuracy"]?.standardError,
                metrics["margin"]?.mean, metrics["kl"]?.mean, metrics["chosenNll"]?.mean,
                metrics["lengthChange"]?.mean, metrics["score"]?.mean, metrics["score"]?.standardError, document,
            ]
            let marks = Array(repeating: "?", count: values.count).joined(separator: ", ")
            try database.execute(
                sql: "INSERT INTO reruns (\(columns)) VALUES (\(marks))", arguments: StatementArguments(values))
        }
    }

    private static let columns = """
        id, name, text_hash, campaign, candidate, at, dataset, model, against, status, learning_rate, beta, seeds, \
        accuracy, accuracy_standard_error, difference, difference_standard_error, margin, kl, chosen_nll, \
        length_change, score, score_standard_error, document
        """

    static func all(ofText textHash: String? = nil, in database: Database) throws -> [RerunRecord] {
        // An archive opened for reading alone may be older than the table.
        guard try database.tableExists("reruns") else { return [] }
        let sql = """
            SELECT min(document) FROM reruns WHERE :hash IS NULL OR text_hash = :hash
            GROUP BY id ORDER BY max(at) DESC, id
            """
        return try String.fetchAll(database, sql: sql, arguments: ["hash": textHash]).map {
            try ArchiveJSON.decode(RerunRecord.self, from: $0)
        }
    }

    /// Each rerun's document, by id.
    static func documents(in database: Database) throws -> [String: String] {
        guard try database.tableExists("reruns") else { return [:] }
        let rows = try Row.fetchAll(database, sql: "SELECT id, min(document) AS document FROM reruns GROUP BY id")
        return Dictionary(rows.map { ($0["id"], $0["document"]) }) { first, _ in first }
    }
}
