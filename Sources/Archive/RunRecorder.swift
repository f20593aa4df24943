public import LabCore
import Synchronization

/// Records a campaign as evidence in its run directory and as rows in the archive, in this order.
///
/// A row therefore always has its file; a process killed in between leaves a file without its row, which resuming or
/// `archive rebuild` adds.
public final class RunRecorder: CandidateArchive {
    private let directory: RunDirectory
    private let archive: SQLiteArchive
    /// Candidates' folders, for the trials that follow; bounded.
    private let folders = Mutex<[CandidateID: String]>([:])
    private static let rememberedFolders = 4_096

    public init(_ directory: RunDirectory, _ archive: SQLiteArchive) async throws {
        self.directory = directory
        self.archive = archive
        try await archive.register(directory.manifest)
    }

    public func record(_ candidate: Candidate, of campaign: String) async throws {
        let folder = RunLayout.folder(of: candidate.id, name: candidate.lossName)
        remember(folder, of: candidate.id)
        let evidence = directory.evidence
        if let source = candidate.source { try evidence.keep(Array(source.text.utf8), for: RunLayout.loss(in: folder)) }
        try evidence.keep(try ArchiveJSON.encode(candidate.proposal, pretty: true), for: RunLayout.proposal(in: folder))
        try evidence.keep(try ArchiveJSON.encode(candidate), for: RunLayout.candidate(in: folder))
        try await archive.record(candidate, of: campaign)
    }

    public func record(
        _ outcome: TrialOutcome, _ spec: TrialSpec, of candidate: CandidateID, in campaign: String
    ) async throws {
        let folder = try await folder(of: candidate, campaign)
        let record = TrialRecord(spec: spec, outcome: outcome)
        try directory.evidence.keep(try ArchiveJSON.encode(record), for: RunLayout.trial(spec, in: folder))
        try await archive.record(outcome, spec, of: candidate, in: campaign)
    }

    public func record(_ confirmation: Confirmation, of campaign: String) async throws {
        try directory.evidence.keep(try ArchiveJSON.encode(confirmation, pretty: true), for: RunLayout.confirmation)
        try await archive.record(confirmation, of: campaign)
    }

    public func snapshot(of campaign: String) async throws -> ArchiveSnapshot {
        try await archive.snapshot(of: campaign)
    }

    private func remember(_ folder: String, of id: CandidateID) {
        folders.withLock { folders in
            if folders.count >= Self.rememberedFolders { folders.removeAll(keepingCapacity: true) }
            folders[id] = folder
        }
    }

    private func folder(of id: CandidateID, _ campaign: String) async throws -> String {
        if let known = folders.withLock({ $0[id] }) { return known }
        let name = try await archive.candidate(numbered: id, of: campaign)?.lossName ?? "unrecorded"
        let folder = RunLayout.folder(of: id, name: name)
        if name != "unrecorded" { remember(folder, of: id) }
        return folder
    }
}
