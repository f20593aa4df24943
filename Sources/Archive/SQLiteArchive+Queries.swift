import GRDB
public import LabCore

extension SQLiteArchive {
    /// All campaigns, the latest begun first.
    public func campaigns() async throws -> [CampaignRow] {
        try await read { database in
            let sql = """
                SELECT g.name, g.world, g.started, g.verdict, g.winner,
                    (SELECT count(*) FROM candidates c WHERE c.campaign = g.name AND c.id > 0) AS candidates,
                    (SELECT count(*) FROM candidates c WHERE c.campaign = g.name AND c.id > 0
                        AND c.score IS NOT NULL) AS scored,
                    (SELECT count(*) FROM trials t WHERE t.campaign = g.name) AS trials
                FROM campaigns g ORDER BY g.started IS NULL, g.started DESC, g.name
                """
            return try Row.fetchAll(database, sql: sql).map { row in
                CampaignRow(
                    name: row["name"], world: row["world"], started: row["started"], candidates: row["candidates"],
                    scored: row["scored"], trials: row["trials"],
                    verdict: (row["verdict"] as String?).flatMap(Verdict.init), winner: row["winner"])
            }
        }
    }

    /// One row a loss, of one campaign or of all: by campaign, the best lower confidence bound first, unscored ones last.
    public func losses(of campaign: String? = nil) async throws -> [LossRow] {
        try await read { database in
            let sql = """
                SELECT c.*, c.document -> '$.tuned' AS tuned,
                    (SELECT count(*) FROM trials t WHERE t.campaign = c.campaign AND t.candidate = c.id
                        AND t.fidelity <> 'confirmation') AS trial_rows,
                    f.score AS confirmed_score, f.standard_error AS confirmed_standard_error, f.name AS confirmed_name
                FROM candidates c JOIN campaigns g ON g.name = c.campaign
                LEFT JOIN confirmations f ON f.campaign = c.campaign AND f.name = c.name
                    AND f.world = coalesce(g.world, (SELECT min(world) FROM confirmations WHERE campaign = c.campaign))
                    AND c.status <> 'duplicate'
                WHERE :campaign IS NULL OR c.campaign = :campaign
                ORDER BY c.campaign, c.fitness IS NULL, c.fitness DESC, c.id
                """
            var baselines: [String: TunedScore] = [:]
            let dpo = """
                SELECT campaign, document -> '$.tuned' AS tuned FROM candidates
                WHERE name = 'dpo' AND score IS NOT NULL ORDER BY id DESC
                """
            for row in try Row.fetchAll(database, sql: dpo) {
                baselines[row["campaign"]] = try ArchiveJSON.decode(TunedScore.self, from: row["tuned"] as String)
            }
            var rows: [LossRow] = []
            let cursor = try Row.fetchCursor(database, sql: sql, arguments: ["campaign": campaign])
            while let row = try cursor.next() {
                rows.append(try lossRow(row, baseline: baselines[row["campaign"]]))
            }
            return rows
        }
    }

    /// A loss of a campaign by its number or its name; `nil` when there is none.
    public func candidate(_ reference: String, of campaign: String) async throws -> Candidate? {
        let number = Int(reference)
        return try await read { database in
            let sql = """
                SELECT document FROM candidates WHERE campaign = :campaign AND (id = :number OR name = :name)
                ORDER BY name = :name, status = 'duplicate', id LIMIT 1
                """
            let found = try String.fetchOne(
                database, sql: sql, arguments: ["campaign": campaign, "number": number, "name": reference])
            return try found.map { try ArchiveJSON.decode(Candidate.self, from: $0) }
        }
    }

    func candidate(numbered id: CandidateID, of campaign: String) async throws -> Candidate? {
        try await read { database in
            let sql = "SELECT document FROM candidates WHERE campaign = ? AND id = ?"
            return try String.fetchOne(database, sql: sql, arguments: [campaign, id.number]).map {
                try ArchiveJSON.decode(Candidate.self, from: $0)
            }
        }
    }

    /// All trials of a loss, in the order of their slugs.
    public func trials(of candidate: CandidateID, in campaign: String) async throws -> [TrialRecord] {
        try await read { try Rows.trials(of: candidate, campaign, in: $0) }
    }

    public func confirmation(of campaign: String) async throws -> Confirmation? {
        try await document(Confirmation.self, "confirmation", of: campaign)
    }

    public func manifest(of campaign: String) async throws -> CampaignManifest? {
        try await document(CampaignManifest.self, "manifest", of: campaign)
    }

    private func document<Value: Decodable & Sendable>(
        _ type: Value.Type, _ column: String, of campaign: String
    ) async throws -> Value? {
        try await read { database in
            let sql = "SELECT \(column) FROM campaigns WHERE name = ? AND \(column) IS NOT NULL"
            return try String.fetchOne(database, sql: sql, arguments: [campaign]).map {
                try ArchiveJSON.decode(type, from: $0)
            }
        }
    }
}

private func lossRow(_ row: Row, baseline: TunedScore?) throws -> LossRow {
    let tuned = try (row["tuned"] as String?).map { try ArchiveJSON.decode(TunedScore.self, from: $0) }
    let difference = baseline.flatMap { baseline in tuned?.difference(from: baseline) }
    return LossRow(
        campaign: row["campaign"], id: CandidateID(row["id"]), name: row["name"],
        origin: LossOrigin(rawValue: row["origin"]) ?? .discovered, arm: SearchArm(rawValue: row["arm"]) ?? .evolution,
        status: row["status"], reason: row["reason"], score: row["score"], standardError: row["standard_error"],
        greedy: row["greedy"], kl: row["kl"], learningRate: row["learning_rate"], beta: row["beta"],
        trials: row["trials"] ?? row["trial_rows"], differenceFromDPO: difference?.mean,
        differenceFromDPOStandardError: difference?.standardError, confirmed: row["confirmed_name"] != nil,
        confirmedScore: row["confirmed_score"], confirmedStandardError: row["confirmed_standard_error"])
}
