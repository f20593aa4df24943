import GRDB
import LabCore

public enum ExportFormat: String, Sendable, CaseIterable {
    /// Everything: configuration, every loss with its text and trials, the confirmation.
    case json
    /// One line a loss, the columns of `LossRow`.
    case csv
}

extension SQLiteArchive {
    /// Writes the archive, or one campaign of it, piece by piece: campaigns by name, losses by number, trials by slug.
    ///
    /// - Parameter canonical: leaves out clock times, seconds, the machine and the number of workers, so that two
    ///   campaigns that found the same give the same bytes.
    public func export(
        _ campaign: String? = nil, as format: ExportFormat = .json, canonical: Bool = false,
        to write: @escaping @Sendable (String) throws -> Void
    ) async throws {
        switch format {
        case .csv:
            try write(csvLine(LossRow.columns))
            let rows = try await losses(of: campaign)
            for row in rows.sorted(by: { ($0.campaign, $0.id.number) < ($1.campaign, $1.id.number) }) {
                try write(csvLine(row.textValues))
            }
        case .json:
            try await read { try exportJSON($0, campaign, canonical: canonical, to: write) }
        }
    }
}

private func exportJSON(
    _ database: Database, _ only: String?, canonical: Bool, to write: (String) throws -> Void
) throws {
    let names = try String.fetchAll(
        database, sql: "SELECT name FROM campaigns WHERE :only IS NULL OR name = :only ORDER BY name",
        arguments: ["only": only])
    try write("{\"campaigns\":[")
    for (index, name) in names.enumerated() {
        let header = try ArchiveJSON.text(try ExportedCampaign(name, database, canonical: canonical))
        // The losses are spliced into the campaign's object one by one, since there may be very many.
        try write((index > 0 ? ",\n" : "\n") + header.dropLast() + ",\"losses\":[")
        let ids = try Int.fetchAll(
            database, sql: "SELECT id FROM candidates WHERE campaign = ? ORDER BY id", arguments: [name])
        for (position, id) in ids.enumerated() {
            let loss = try ExportedLoss(CandidateID(id), name, database, canonical: canonical)
            try write((position > 0 ? ",\n" : "\n") + (try ArchiveJSON.text(loss)))
        }
        try write("]}")
    }
    try write("]")
    let reruns = try RerunRows.all(in: database).filter { rerun in
        only == nil || rerun.losses.contains { $0.campaign == only }
    }
    for (index, rerun) in reruns.sorted(by: { $0.id < $1.id }).enumerated() {
        try write(index > 0 ? ",\n" : ",\"reruns\":[\n")
        try write(try ArchiveJSON.text(canonical ? rerun.canonical : rerun))
    }
    try write(reruns.isEmpty ? "}\n" : "]}\n")
}

private struct ExportedCampaign: Encodable {
    let name: String
    let config: CampaignConfig?
    let worldFiles: [String: [String: String]]?
    let started: String?
    let versions: [String: String]?
    let device: String?
    let confirmation: Confirmation?

    init(_ name: String, _ database: Database, canonical: Bool) throws {
        let sql = "SELECT manifest, confirmation FROM campaigns WHERE name = ?"
        let row = try Row.fetchOne(database, sql: sql, arguments: [name])
        let manifest = try (row?["manifest"] as String?).map { try ArchiveJSON.decode(CampaignManifest.self, from: $0) }
        self.name = name
        var config = manifest?.config
        if canonical { config?.workers = 1 }
        self.config = config
        worldFiles = manifest?.worldFiles
        started = canonical ? nil : manifest?.started
        versions = canonical ? nil : manifest?.versions
        device = canonical ? nil : manifest?.device
        confirmation = try (row?["confirmation"] as String?).map {
            try ArchiveJSON.decode(Confirmation.self, from: $0)
        }
    }
}

private struct ExportedLoss: Encodable {
    let candidate: Candidate
    let trials: [ExportedTrial]

    init(_ id: CandidateID, _ campaign: String, _ database: Database, canonical: Bool) throws {
        let sql = "SELECT document FROM candidates WHERE campaign = ? AND id = ?"
        let document = try String.fetchOne(database, sql: sql, arguments: [campaign, id.number]) ?? ""
        candidate = try ArchiveJSON.decode(Candidate.self, from: document)
        trials = try Rows.trials(of: id, campaign, in: database).map { ExportedTrial($0, canonical: canonical) }
    }
}

private struct ExportedTrial: Encodable {
    let spec: TrialSpec
    let rejection: Rejection?
    let questionScores: [Double]?
    let greedyScores: [Double]?
    let kl: Double?
    let metrics: [String: Double]?
    let weightsHash: String?
    let seconds: Double?

    init(_ record: TrialRecord, canonical: Bool) {
        spec = record.spec
        switch record.outcome {
        case .rejected(let rejection):
            self.rejection = rejection
            (questionScores, greedyScores, kl, metrics, weightsHash, seconds) = (nil, nil, nil, nil, nil, nil)
        case .scored(let result):
            rejection = nil
            questionScores = result.questionScores
            greedyScores = result.greedyScores
            kl = result.kl
            metrics = canonical ? result.metrics.filter { !isTiming($0.key) } : result.metrics
            weightsHash = result.weightsHash
            seconds = canonical ? nil : result.seconds
        }
    }
}

/// TRL's `train_runtime`, `train_samples_per_second` and the like.
private func isTiming(_ metric: String) -> Bool {
    ["runtime", "second", "time"].contains { metric.contains($0) }
}

/// One record of RFC 4180.
private func csvLine(_ values: [String]) -> String {
    let fields = values.map { value in
        let needsQuotes = value.contains { $0 == "," || $0 == "\"" || $0.isNewline }
        return needsQuotes ? "\"\(value.replacing("\"", with: "\"\""))\"" : value
    }
    return fields.joined(separator: ",") + "\r\n"
}
