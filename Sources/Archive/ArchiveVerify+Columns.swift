import GRDB
import LabCore

/// Columns of one campaign against what its files give; files of which something is told already decide nothing.
///
/// - Parameter changed: files that are not what the run wrote, from which nothing should be restored.
func columnDisagreements(
    _ database: Database, _ files: RunFiles, campaign: String, besides known: Set<String>, changed: Set<String>
) throws -> [ArchiveDisagreement] {
    let columns = try StoredColumns()
    var found: [ArchiveDisagreement] = []
    func compare(
        _ key: String, _ tables: [(name: String, key: [String], condition: String)], _ more: StatementArguments = [:],
        _ write: @escaping @Sendable (Database) throws -> Void
    ) throws {
        let path = "\(files.path)/\(key)"
        guard !known.contains(path) else { return }
        let arguments: StatementArguments = ["campaign": campaign]
        let deciding = key == RunLayout.confirmation ? [path, "\(files.path)/\(RunLayout.manifest)"] : [path]
        let advice =
            changed.isDisjoint(with: deciding)
            ? "`losslab archive rebuild` restores the archive from the files"
            : "the file was changed since the run wrote it, so restore that first, from a copy"
        for difference in try columns.differences(
            in: tables, arguments: arguments &+ more, stored: database, write: write)
        {
            found.append(
                ArchiveDisagreement(
                    kind: .different, campaign: campaign, path: path,
                    message: "\(difference); \(advice)"))
        }
    }
    do {
        let (manifest, confirmation) = (try files.manifest(), try files.confirmation())
        try compare(
            confirmation == nil ? RunLayout.manifest : RunLayout.confirmation,
            [
                ("campaigns", ["name"], "name = :campaign"),
                ("confirmations", ["name", "world"], "campaign = :campaign"),
                ("comparisons", ["candidate", "against", "world"], "campaign = :campaign"),
            ]
        ) { fresh in
            try Rows.insert(manifest, in: fresh)
            if let confirmation { try Rows.insert(confirmation, of: manifest.config.name, in: fresh) }
        }
    } catch is ArchiveError {
        // Told where rows and files are compared, or by the chain.
    }
    for folder in files.candidateFolders() {
        guard let candidate = try? files.candidate(in: folder) else { continue }
        let id: StatementArguments = ["id": candidate.id.number]
        try compare(
            RunLayout.candidate(in: folder),
            [
                ("candidates", ["id"], "campaign = :campaign AND id = :id"),
                ("parents", ["child", "parent"], "campaign = :campaign AND child = :id"),
            ], id
        ) { try Rows.insert(candidate, try ArchiveJSON.text(candidate), of: campaign, in: $0) }
        guard let trials = try? files.trials(in: folder), !trials.isEmpty else { continue }
        try compare(
            RunLayout.trials(in: folder),
            [("trials", ["candidate", "slug"], "campaign = :campaign AND candidate = :id")],
            id
        ) { fresh in
            for trial in trials {
                try Rows.insert(trial, try ArchiveJSON.text(trial), of: candidate.id, campaign, in: fresh)
            }
        }
    }
    return found
}
