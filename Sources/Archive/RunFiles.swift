import Foundation
public import LabCore

/// A campaign's folder as anyone may read it, also while it is being run.
public struct RunFiles: Sendable {
    public let path: String

    init(_ path: String) { self.path = path }

    /// The folder of a campaign that was begun; the error names those there are.
    public static func open(_ name: String, in runs: String) throws -> RunFiles {
        let files = RunFiles("\(runs)/\(name)")
        // Older campaigns may have names that none gets today; what is no folder's name leads elsewhere.
        let isFolderName = !name.isEmpty && !name.contains("/") && !name.hasPrefix(".") && !name.utf8.contains(0)
        guard isFolderName, try readWhole("\(files.path)/\(RunLayout.manifest)") != nil else {
            let known = all(in: runs).map(\.name)
            let list = known.isEmpty ? "none was begun there" : "there are \(known.joined(separator: ", "))"
            throw ArchiveError(.notFound, path: files.path, "no campaign of that name; \(list)")
        }
        return files
    }

    /// Every campaign below a folder, by name.
    public static func all(in runs: String) -> [RunFiles] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: runs)) ?? []
        return names.sorted().map { RunFiles("\(runs)/\($0)") }.filter {
            FileManager.default.fileExists(atPath: "\($0.path)/\(RunLayout.manifest)")
        }
    }

    public var name: String {
        String(path[(path.lastIndex(of: "/").map { path.index(after: $0) } ?? path.startIndex)...])
    }

    /// Whether a process is running the campaign now, and which.
    public var isRunning: Bool { RunLock.isHeld("\(path)/\(RunLayout.lock)") }
    public var runningProcess: Int? { isRunning ? RunLock.holder("\(path)/\(RunLayout.lock)") : nil }

    public func manifest() throws -> CampaignManifest {
        struct Layout: Decodable { let layout: Int }
        if let layout = try value(Layout.self, at: RunLayout.manifest)?.layout, layout > CampaignManifest.currentLayout
        {
            throw ArchiveError(.newerVersion, path: path, "was written by a newer version of losslab; update this one")
        }
        guard let manifest = try value(CampaignManifest.self, at: RunLayout.manifest) else {
            throw ArchiveError(
                .notFound, path: "\(path)/\(RunLayout.manifest)", "is missing, so this is no run directory")
        }
        return manifest
    }

    /// All events so far; a torn last line is left out, lines that are no events are numbered.
    public func events() throws -> (events: [TimedEvent], unreadableLines: [Int]) {
        try EventLog.read("\(path)/\(RunLayout.events)")
    }

    /// The policy's scores before any training; empty until they are measured.
    public func untrained() throws -> [UntrainedScore] {
        try value([UntrainedScore].self, at: RunLayout.untrained) ?? []
    }

    func confirmation() throws -> Confirmation? { try value(Confirmation.self, at: RunLayout.confirmation) }

    /// Folders of all candidates and catalogue losses, as keys, in order.
    func candidateFolders() -> [String] {
        RunLayout.candidateRoots.flatMap { root in folders(in: root).map { "\(root)/\($0)" } }
    }

    func candidate(in folder: String) throws -> Candidate? {
        try value(Candidate.self, at: RunLayout.candidate(in: folder))
    }

    /// A candidate's trials, in the order of their slugs.
    func trials(in folder: String) throws -> [TrialRecord] {
        try TrialFile.records("\(path)/\(RunLayout.trials(in: folder))")
    }

    func text(at key: String) throws -> String? {
        try readWhole("\(path)/\(key)").map { String(decoding: $0, as: UTF8.self) }
    }

    func value<Value: Decodable>(_ type: Value.Type, at key: String) throws -> Value? {
        guard let bytes = try readWhole("\(path)/\(key)") else { return nil }
        do { return try ArchiveJSON.decode(type, from: bytes) } catch {
            throw ArchiveError(
                .corrupt, path: "\(path)/\(key)",
                "does not hold a \(type) any more; remove it and resume the campaign, which writes it again")
        }
    }

    private func folders(in key: String) -> [String] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "\(path)/\(key)")) ?? []
        return names.sorted().filter { name in
            // A kill may leave one that is half made.
            guard !name.hasPrefix(AtomicFileWriter.temporaryPrefix) else { return false }
            var isFolder: ObjCBool = false
            let exists = FileManager.default.fileExists(atPath: "\(path)/\(key)/\(name)", isDirectory: &isFolder)
            return exists && isFolder.boolValue
        }
    }
}
