import GRDB
public import LabCore

extension SQLiteArchive {
    /// The trainings by which a campaign's search tuned its losses, by loss, in the order of their slugs.
    public func searchTrials(of campaign: String) async throws -> [CandidateID: [TrialRecord]] {
        try await read { database in
            let sql = """
                SELECT candidate, document FROM trials
                WHERE campaign = ? AND fidelity IN ('proxy', 'full') AND pair_pool = 'search'
                    AND question_set = 'search'
                ORDER BY candidate, slug
                """
            var trials: [CandidateID: [TrialRecord]] = [:]
            let cursor = try Row.fetchCursor(database, sql: sql, arguments: [campaign])
            while let row = try cursor.next() {
                trials[CandidateID(row["candidate"]), default: []].append(
                    try ArchiveJSON.decode(TrialRecord.self, from: row["document"] as String))
            }
            return trials
        }
    }
}
