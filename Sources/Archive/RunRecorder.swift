public import LabCore
import Synchronization

/// Records a campaign as evidence in its run directory and as rows in the archive, in this order.
///
/// A row therefore always has its file; a process killed in between leaves a file without its row, which resuming or
/// `archive rebuild` adds.
public final class RunRecorder: CandidateArchive {
    private let directory: RunDirectory
    private let archive: SQLiteArchive
    /// The last candidates' folders and trial files, since a candidate's trials come together.
    private let recent = Mutex<[CandidateID: Place]>([:])
    private static let recentCount = 64

    private struct Place {
        let folder: String
        var trials: TrialFile?
    }

    public init(_ directory: RunDirectory, _ archive: SQLiteArchive) async throws {
        self.directory = directory
        self.archive = archive
        try await archive.register(directory.manifest, chain: directory.chainHead)
    }

    public func record(_ candidate: Candidate, of campaign: String) async throws {
        let document = try ArchiveJSON.encode(candidate)
        try keep(candidate, document)
        try await archive.record(
            [.candidate(candidate, document: String(decoding: document, as: UTF8.self))], of: campaign,
            chain: try chain())
    }

    /// Every file first, then all rows in one transaction.
    public func record(_ batch: [RecordedCandidate], of campaign: String) async throws {
        var rows: [ArchiveRow] = []
        for entry in batch {
            let id = entry.candidate.id
            let candidate = try ArchiveJSON.encode(entry.candidate)
            let trials = try entry.trials.map { (record: $0, document: try ArchiveJSON.encode($0)) }
            let screening = try entry.screening.map { try ArchiveJSON.encode($0) }
            if try !keepFolder(entry.candidate, candidate, screening, trials.map(\.document)) {
                try keep(entry.candidate, candidate)
                if let screening {
                    let folder = RunLayout.folder(of: id, name: entry.candidate.lossName)
                    try directory.evidence.keep(screening, for: RunLayout.screening(in: folder))
                }
                for trial in trials {
                    try await keep(trial.document, slug: trial.record.spec.slug, of: id, campaign)
                }
            }
            rows.append(.candidate(entry.candidate, document: String(decoding: candidate, as: UTF8.self)))
            for trial in trials {
                rows.append(.trial(trial.record, of: id, document: String(decoding: trial.document, as: UTF8.self)))
            }
        }
        try await archive.record(rows, of: campaign, chain: try chain())
    }

    /// The chain's end, once the logs stand in it as well.
    private func chain() throws -> String {
        try directory.coverGrowth()
        return directory.chainHead
    }

    /// Appends a trial to its candidate's file, and what the file grew by to the chain.
    private func keep(_ trial: [UInt8], slug: String, of id: CandidateID, _ campaign: String) async throws {
        let (file, key) = try await trialFile(of: id, campaign)
        try file.keep(trial, slug: slug)
        try directory.evidence.chain.cover(growthOf: [key])
    }

    /// Writes all files of a candidate that has none yet at once, from their JSON; says whether it did.
    private func keepFolder(
        _ candidate: Candidate, _ document: [UInt8], _ screening: [UInt8]?, _ trials: [[UInt8]]
    ) throws -> Bool {
        let folder = RunLayout.folder(of: candidate.id, name: candidate.lossName)
        var files: [(name: String, bytes: [UInt8])] = []
        func add(_ bytes: [UInt8], at key: String) { files.append((String(key.dropFirst(folder.count + 1)), bytes)) }
        if let source = candidate.source { add(Array(source.text.utf8), at: RunLayout.loss(in: folder)) }
        add(document, at: RunLayout.candidate(in: folder))
        if let screening { add(screening, at: RunLayout.screening(in: folder)) }
        if !trials.isEmpty {
            add(trials.flatMap { $0 + [UInt8(ascii: "\n")] }, at: RunLayout.trials(in: folder))
        }
        guard try directory.evidence.storeFolder(folder, files: files) else { return false }
        remember(Place(folder: folder), of: candidate.id)
        return true
    }

    /// Writes a candidate's loss and its JSON.
    private func keep(_ candidate: Candidate, _ document: [UInt8]) throws {
        let folder = RunLayout.folder(of: candidate.id, name: candidate.lossName)
        remember(Place(folder: folder), of: candidate.id)
        let evidence = directory.evidence
        if let source = candidate.source { try evidence.keep(Array(source.text.utf8), for: RunLayout.loss(in: folder)) }
        try evidence.keep(document, for: RunLayout.candidate(in: folder))
    }

    public func record(
        _ outcome: TrialOutcome, _ spec: TrialSpec, of candidate: CandidateID, in campaign: String
    ) async throws {
        let record = TrialRecord(spec: spec, outcome: outcome)
        let document = try ArchiveJSON.encode(record)
        try await keep(document, slug: spec.slug, of: candidate, campaign)
        try await archive.record(
            [.trial(record, of: candidate, document: String(decoding: document, as: UTF8.self))], of: campaign,
            chain: try chain())
    }

    public func record(_ confirmation: Confirmation, of campaign: String) async throws {
        try directory.evidence.keep(try ArchiveJSON.encode(confirmation, pretty: true), for: RunLayout.confirmation)
        try await archive.record(confirmation, of: campaign, chain: try chain())
    }

    public func snapshot(of campaign: String) async throws -> ArchiveSnapshot {
        try await archive.snapshot(of: campaign)
    }

    private func remember(_ place: Place, of id: CandidateID) {
        recent.withLock { recent in
            if recent.count >= Self.recentCount { recent.removeAll(keepingCapacity: true) }
            recent[id] = place
        }
    }

    /// The file, and its key below the run's folder.
    private func trialFile(of id: CandidateID, _ campaign: String) async throws -> (TrialFile, key: String) {
        let known = recent.withLock { $0[id] }
        if let known, let file = known.trials { return (file, RunLayout.trials(in: known.folder)) }
        let folder: String
        if let known {
            folder = known.folder
        } else {
            let name = try await archive.candidate(numbered: id, of: campaign)?.lossName ?? RunLayout.unrecorded
            folder = RunLayout.folder(of: id, name: name)
        }
        let file = try TrialFile("\(directory.path)/\(RunLayout.trials(in: folder))")
        if !folder.hasSuffix(RunLayout.unrecorded) { remember(Place(folder: folder, trials: file), of: id) }
        return (file, RunLayout.trials(in: folder))
    }
}
