import GRDB
import LabCore

/// Values as rows and back.
enum Rows {
    static func ensureCampaign(_ name: String, in database: Database) throws {
        try database.cachedStatement(sql: "INSERT INTO campaigns (name) VALUES (?) ON CONFLICT DO NOTHING")
            .execute(arguments: [name])
    }

    /// Keeps the end of a run's chain of files; an archive that was written without one has none.
    static func note(chain: String?, of campaign: String, in database: Database) throws {
        guard let chain else { return }
        try database.cachedStatement(sql: "UPDATE campaigns SET chain = ? WHERE name = ?")
            .execute(arguments: [chain, campaign])
    }

    /// The end of the chain as of the last row; also of an archive that is older than the column.
    static func chain(of campaign: String, in database: Database) throws -> String? {
        guard try database.columns(in: "campaigns").contains(where: { $0.name == "chain" }) else { return nil }
        return try String.fetchOne(database, sql: "SELECT chain FROM campaigns WHERE name = ?", arguments: [campaign])
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

    private static let candidateTable = Table(
        "candidates",
        [
            "campaign", "id", "name", "origin", "arm", "generation", "operation", "status", "reason", "fidelity",
            "fitness", "score", "standard_error", "greedy", "greedy_standard_error", "kl", "learning_rate", "beta",
            "trials", "fingerprint", "document",
        ])
    private static let parentTable = Table("parents", ["campaign", "child", "parent"])

    static func insert(
        _ candidate: Candidate, _ document: String, of campaign: String, in database: Database
    ) throws {
        try ensureCampaign(campaign, in: database)
        let tuned = candidate.tuned
        let (status, reason) = candidate.status.columns
        try candidateTable.replace(
            [
                campaign, candidate.id.number, candidate.lossName, (candidate.source?.origin ?? .discovered).rawValue,
                candidate.arm.rawValue, candidate.generation, candidate.proposal.operation, status, reason,
                tuned?.fidelity.rawValue, candidate.fitness, tuned?.score.mean, tuned?.score.standardError,
                tuned?.greedy.mean, tuned?.greedy.standardError, tuned?.kl, tuned?.setting.learningRate,
                tuned?.setting.beta, tuned?.trials, candidate.fingerprint?.hash, document,
            ], in: database)
        for parent in candidate.proposal.parents {
            try parentTable.replace([campaign, candidate.id.number, parent.number], in: database)
        }
    }

    private static let trialTable = Table(
        "trials",
        [
            "campaign", "candidate", "slug", "world", "fidelity", "learning_rate", "beta", "seed", "pair_pool",
            "question_set", "pair_count", "epochs", "document", "status", "reason", "questions", "score",
            "standard_error", "lowest", "highest", "greedy", "greedy_standard_error", "greedy_lowest", "greedy_highest",
            "kl", "seconds", "weights_hash",
        ])

    static func insert(
        _ record: TrialRecord, _ document: String, of candidate: CandidateID, _ campaign: String,
        in database: Database
    ) throws {
        try ensureCampaign(campaign, in: database)
        let spec = record.spec
        var values: [(any DatabaseValueConvertible)?] = [
            campaign, candidate.number, spec.slug, spec.world, spec.fidelity.rawValue, spec.setting.learningRate,
            spec.setting.beta, spec.seed, spec.pairPool.rawValue, spec.questionSet.rawValue, spec.pairCount,
            spec.epochs, document,
        ]
        switch record.outcome {
        case .rejected(let rejection):
            values += ["rejected", rejection.code] as [(any DatabaseValueConvertible)?]
            values += Array(repeating: nil, count: trialTable.columns.count - values.count)
        case .scored(let result):
            let sampled = estimate(of: result.questionScores)
            let greedy = estimate(of: result.greedyScores)
            values += [
                "scored", nil, result.questionScores.count, sampled?.mean, sampled?.standardError,
                result.questionScores.min(), result.questionScores.max(), greedy?.mean, greedy?.standardError,
                result.greedyScores.min(), result.greedyScores.max(), result.kl, result.seconds, result.weightsHash,
            ]
        }
        try trialTable.replace(values, in: database)
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
            try confirmationTable.replace(
                [
                    campaign, score.name, score.world, score.setting.learningRate, score.setting.beta,
                    score.searchScore?.mean, score.score.mean, score.score.standardError, score.greedy.mean, score.kl,
                    score.seeds.count,
                ], in: database)
        }
        for comparison in confirmation.comparisons {
            try comparisonTable.replace(
                [
                    campaign, comparison.candidate, comparison.against, comparison.world, comparison.difference.mean,
                    comparison.difference.standardError, comparison.pValue, comparison.adjustedPValue,
                ], in: database)
        }
    }

    private static let confirmationTable = Table(
        "confirmations",
        [
            "campaign", "name", "world", "learning_rate", "beta", "search_score", "score", "standard_error", "greedy",
            "kl", "seeds",
        ])
    private static let comparisonTable = Table(
        "comparisons",
        [
            "campaign", "candidate", "against", "world", "difference", "standard_error", "p_value", "adjusted_p_value",
        ])

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

    /// Every trial's document, by candidate and slug.
    static func trialDocuments(
        of campaign: String, in database: Database
    ) throws -> [CandidateID: [String: String]] {
        var documents: [CandidateID: [String: String]] = [:]
        let sql = "SELECT candidate, slug, document FROM trials WHERE campaign = ?"
        let rows = try Row.fetchCursor(database, sql: sql, arguments: [campaign])
        while let row = try rows.next() {
            documents[CandidateID(row["candidate"]), default: [:]][row["slug"]] = row["document"]
        }
        return documents
    }
}

/// A table into which whole rows are written, in the order of its columns here.
private struct Table {
    let columns: [String]
    private let sql: String

    init(_ name: String, _ columns: [String]) {
        self.columns = columns
        let marks = Array(repeating: "?", count: columns.count).joined(separator: ", ")
        sql = "INSERT OR REPLACE INTO \(name) (\(columns.joined(separator: ", "))) VALUES (\(marks))"
    }

    /// Inserts a row or replaces the one with the same key; rows that refer to a replaced one go with it.
    ///
    /// SQLite keeps NaN as `NULL`.
    func replace(_ values: [(any DatabaseValueConvertible)?], in database: Database) throws {
        try database.cachedStatement(sql: sql).execute(arguments: StatementArguments(values))
    }
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
