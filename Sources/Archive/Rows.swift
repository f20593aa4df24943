import GRDB
import LabCore

/// Values as rows and back.
enum Rows {
    static func ensureCampaign(_ name: String, in database: Database) throws {
        try database.cachedStatement(sql: "INSERT INTO campaigns (name) VALUES (?) ON CONFLICT DO NOTHING")
            .execute(arguments: [name])
    }

    static func insert(_ manifest: CampaignManifest, in database: Database) throws {
        let config = manifest.config
        try ensureCampaign(config.name, in: database)
        try database.execute(
            sql: "UPDATE campaigns SET world = ?, seed = ?, started = ?, manifest = ? WHERE name = ?",
            arguments: [
                config.world, String(config.seed), manifest.started, try ArchiveJSON.text(manifest), config.name,
            ])
    }

    static func insert(_ candidate: Candidate, of campaign: String, in database: Database) throws {
        try ensureCampaign(campaign, in: database)
        let tuned = candidate.tuned
        let (status, reason) = candidate.status.columns
        try replace(
            "candidates",
            [
                "campaign": campaign, "id": candidate.id.number, "name": candidate.lossName,
                "origin": (candidate.source?.origin ?? .discovered).rawValue, "arm": candidate.arm.rawValue,
                "generation": candidate.generation, "operation": candidate.proposal.operation, "status": status,
                "reason": reason, "fidelity": tuned?.fidelity.rawValue, "fitness": candidate.fitness,
                "score": tuned?.score.mean, "standard_error": tuned?.score.standardError,
                "greedy": tuned?.greedy.mean, "greedy_standard_error": tuned?.greedy.standardError, "kl": tuned?.kl,
                "learning_rate": tuned?.setting.learningRate, "beta": tuned?.setting.beta, "trials": tuned?.trials,
                "fingerprint": candidate.fingerprint?.hash, "tuned": try tuned.map { try ArchiveJSON.text($0) },
                "document": try ArchiveJSON.text(candidate),
            ], in: database)
        for parent in candidate.proposal.parents {
            try replace(
                "parents", ["campaign": campaign, "child": candidate.id.number, "parent": parent.number], in: database)
        }
    }

    static func insert(
        _ record: TrialRecord, of candidate: CandidateID, _ campaign: String, in database: Database
    ) throws {
        try ensureCampaign(campaign, in: database)
        let spec = record.spec
        let key: [String: (any DatabaseValueConvertible)?] = [
            "campaign": campaign, "candidate": candidate.number, "slug": spec.slug,
        ]
        var columns = key
        columns.merge([
            "world": spec.world, "fidelity": spec.fidelity.rawValue, "learning_rate": spec.setting.learningRate,
            "beta": spec.setting.beta, "seed": spec.seed, "pair_pool": spec.pairPool.rawValue,
            "question_set": spec.questionSet.rawValue, "pair_count": spec.pairCount, "epochs": spec.epochs,
            "document": try ArchiveJSON.text(record),
        ]) { $1 }
        switch record.outcome {
        case .rejected(let rejection):
            columns.merge(["status": "rejected", "reason": rejection.code]) { $1 }
            try replace("trials", columns, in: database)
        case .scored(let result):
            columns.merge([
                "status": "scored", "score": finite(result.score), "greedy": finite(result.greedyScore),
                "kl": result.kl.flatMap(finite), "seconds": result.seconds, "weights_hash": result.weightsHash,
            ]) { $1 }
            try replace("trials", columns, in: database)
            for (decoding, scores) in [("sampled", result.questionScores), ("greedy", result.greedyScores)] {
                guard let estimate = estimate(of: scores), let lowest = scores.min(), let highest = scores.max() else {
                    continue
                }
                try replace(
                    "judgments",
                    key.merging([
                        "decoding": decoding, "questions": scores.count, "mean": estimate.mean,
                        "standard_error": estimate.standardError, "lowest": lowest, "highest": highest,
                    ]) { $1 }, in: database)
            }
        }
    }

    static func insert(_ confirmation: Confirmation, of campaign: String, in database: Database) throws {
        try ensureCampaign(campaign, in: database)
        try database.execute(
            sql: "UPDATE campaigns SET verdict = ?, winner = ?, confirmation = ? WHERE name = ?",
            arguments: [
                confirmation.verdict.rawValue, confirmation.winner, try ArchiveJSON.text(confirmation), campaign,
            ])
        for table in ["confirmations", "comparisons"] {
            try database.execute(sql: "DELETE FROM \(table) WHERE campaign = ?", arguments: [campaign])
        }
        for score in confirmation.scores {
            try replace(
                "confirmations",
                [
                    "campaign": campaign, "name": score.name, "world": score.world,
                    "learning_rate": score.setting.learningRate, "beta": score.setting.beta,
                    "search_score": score.searchScore?.mean, "score": score.score.mean,
                    "standard_error": score.score.standardError, "greedy": score.greedy.mean, "kl": score.kl,
                    "seeds": score.seeds.count,
                ], in: database)
        }
        for comparison in confirmation.comparisons {
            try replace(
                "comparisons",
                [
                    "campaign": campaign, "candidate": comparison.candidate, "against": comparison.against,
                    "world": comparison.world, "difference": comparison.difference.mean,
                    "standard_error": comparison.difference.standardError, "p_value": comparison.pValue,
                    "adjusted_p_value": comparison.adjustedPValue,
                ], in: database)
        }
    }

    static func candidates(of campaign: String, in database: Database) throws -> [Candidate] {
        let sql = "SELECT document FROM candidates WHERE campaign = ? ORDER BY id"
        return try String.fetchAll(database, sql: sql, arguments: [campaign]).map {
            try ArchiveJSON.decode(Candidate.self, from: $0)
        }
    }

    static func trials(of candidate: CandidateID, _ campaign: String, in database: Database) throws -> [TrialRecord] {
        let sql = "SELECT document FROM trials WHERE campaign = ? AND candidate = ? ORDER BY slug"
        return try String.fetchAll(database, sql: sql, arguments: [campaign, candidate.number]).map {
            try ArchiveJSON.decode(TrialRecord.self, from: $0)
        }
    }

    /// Inserts a row or replaces the one with the same key; rows that refer to a replaced one go with it.
    private static func replace(
        _ table: String, _ columns: [String: (any DatabaseValueConvertible)?], in database: Database
    ) throws {
        let names = columns.keys.sorted()
        let marks = names.map { ":\($0)" }.joined(separator: ", ")
        let sql = "INSERT OR REPLACE INTO \(table) (\(names.joined(separator: ", "))) VALUES (\(marks))"
        try database.cachedStatement(sql: sql).execute(arguments: StatementArguments(columns))
    }

    /// SQLite keeps no NaN; an infinite mean says no more than none.
    private static func finite(_ value: Double) -> Double? { value.isFinite ? value : nil }
}

extension Candidate {
    /// The name of its loss: unique in the campaign once screened.
    var lossName: String { source?.name ?? proposal.name }
}

extension CandidateStatus {
    /// One word, and what explains it.
    var columns: (status: String, reason: String?) {
        switch self {
        case .rejected(let rejection): ("rejected", rejection.code)
        case .duplicate(let earlier): ("duplicate", earlier)
        case .scored(let fidelity): ("scored", fidelity.rawValue)
        case .failed(let reason): ("failed", reason)
        }
    }
}
