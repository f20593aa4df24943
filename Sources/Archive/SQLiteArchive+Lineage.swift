import GRDB
public import LabCore

extension SQLiteArchive {
    /// Ancestors and descendants of a loss, nearest first; `nil` when the campaign has no such loss.
    public func lineage(of id: CandidateID, in campaign: String) async throws -> Lineage? {
        try await read { database in
            let loss = try nodes(in: database, campaign, id, walking: nil)
            guard let loss = loss.first else { return nil }
            return Lineage(
                loss: loss, ancestors: try nodes(in: database, campaign, id, walking: .up),
                descendants: try nodes(in: database, campaign, id, walking: .down))
        }
    }
}

private enum Direction {
    case up
    case down
}

/// The loss itself, or all that can be reached from it in one direction.
private func nodes(
    in database: Database, _ campaign: String, _ id: CandidateID, walking direction: Direction?
) throws -> [LineageNode] {
    let (from, to) = direction == .down ? ("parent", "child") : ("child", "parent")
    // The distance is bounded by the number of losses, so that even a cycle in damaged data ends.
    let reached =
        direction == nil
        ? "SELECT :id AS id, 0 AS distance"
        : """
        SELECT \(to) AS id, 1 AS distance FROM parents WHERE campaign = :campaign AND \(from) = :id
        UNION SELECT p.\(to), r.distance + 1 FROM reached r JOIN parents p ON p.campaign = :campaign AND p.\(from) = r.id
            WHERE r.distance < (SELECT count(*) FROM candidates WHERE campaign = :campaign)
        """
    let sql = """
        WITH RECURSIVE reached (id, distance) AS (\(reached))
        SELECT c.id, c.name, c.arm, c.operation, c.status, c.score, c.standard_error, min(r.distance) AS distance,
            (SELECT group_concat(parent) FROM parents WHERE campaign = c.campaign AND child = c.id) AS parents
        FROM reached r JOIN candidates c ON c.campaign = :campaign AND c.id = r.id
        GROUP BY c.id ORDER BY min(r.distance), c.id
        """
    let arguments: StatementArguments = ["campaign": campaign, "id": id.number]
    return try Row.fetchAll(database, sql: sql, arguments: arguments).map { row in
        LineageNode(
            id: CandidateID(row["id"]), name: row["name"], arm: SearchArm(rawValue: row["arm"]) ?? .evolution,
            operation: row["operation"],
            parents: (row["parents"] as String? ?? "").split(separator: ",").compactMap { Int($0) }.sorted()
                .map { CandidateID($0) },
            status: row["status"], score: row["score"], standardError: row["standard_error"],
            distance: row["distance"])
    }
}
