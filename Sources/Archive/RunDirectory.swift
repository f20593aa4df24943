import Foundation
public import LabCore

/// The folder of one campaign, held by the one process that runs it: evidence, finished steps, events.
public final class RunDirectory: TrialEvidence {
    public let files: RunFiles
    /// Finished steps by the runner's own keys.
    public let steps: StepLog
    public let manifest: CampaignManifest
    let evidence: CoveredFiles
    private let log: EventLog
    private let lock: RunLock

    public var path: String { files.path }

    /// Begins a campaign: makes its folder below `runs` and writes down what it is begun with.
    ///
    /// - Parameter resolvedConfig: the configuration as YAML with every default written out.
    /// - Throws: `ArchiveError` when a campaign of that name was begun before or is being run.
    public static func create(
        in runs: String, _ manifest: CampaignManifest, resolvedConfig: String
    ) throws -> RunDirectory {
        let name = try newName(manifest.config.name, in: runs)
        let path = "\(runs)/\(name)"
        try makeFolder(path)
        let lock = try RunLock("\(path)/\(RunLayout.lock)", campaign: name.text)
        // The manifest is written last: without it the folder was left by a process that ended before it began.
        if try readWhole("\(path)/\(RunLayout.manifest)") != nil {
            throw ArchiveError(
                .alreadyExists, path: path,
                "campaign \(name) exists; continue it with `losslab campaign resume \(name)`, or choose another name")
        }
        let writer = AtomicFileWriter(syncInterval: .zero)
        try writer.write(Array(resolvedConfig.utf8), to: "\(path)/\(RunLayout.config)")
        try writer.write(try ArchiveJSON.encode(manifest, pretty: true), to: "\(path)/\(RunLayout.manifest)")
        return try RunDirectory(path, manifest, lock)
    }

    /// The name, where a campaign may begin under it: on some disks `A` and `a` are one folder.
    private static func newName(_ text: String, in runs: String) throws -> LabName {
        let name: LabName
        do { name = try LabName(text, of: .campaign) } catch {
            throw ArchiveError(.invalidName, path: runs, "\(error); choose another with `--name` or in the recipe")
        }
        let there = (try? FileManager.default.contentsOfDirectory(atPath: runs)) ?? []
        if let twin = there.first(where: { $0 != name.text && $0.lowercased() == name.text }) {
            throw ArchiveError(
                .invalidName, path: "\(runs)/\(twin)",
                "differs from the name \(name) only in capitals, and not every disk tells them apart; choose another name"
            )
        }
        return name
    }

    /// Takes up a campaign that was begun before.
    public static func resume(_ name: String, in runs: String) throws -> RunDirectory {
        let files = try RunFiles.open(name, in: runs)
        let lock = try RunLock("\(files.path)/\(RunLayout.lock)", campaign: name)
        return try RunDirectory(files.path, try files.manifest(), lock)
    }

    private init(_ path: String, _ manifest: CampaignManifest, _ lock: RunLock) throws {
        files = RunFiles(path)
        self.manifest = manifest
        self.lock = lock
        let chain = try RunChain(path)
        evidence = CoveredFiles(store: try FileStepStore(path), chain: chain)
        steps = try StepLog("\(path)/\(RunLayout.steps)")
        log = try EventLog("\(path)/\(RunLayout.events)")
        // What a killed process had written and not entered any more.
        try chain.cover(filesAt: [RunLayout.manifest, RunLayout.config].filter { !chain.knows($0) })
        try coverGrowth(conversationsToo: true)
    }

    /// The end of the chain of files.
    var chainHead: String { evidence.chain.head }

    /// Enters what the logs have grown by; called with every batch of rows.
    func coverGrowth(conversationsToo: Bool = false) throws {
        var keys = [RunLayout.events, RunLayout.steps, RunLayout.spending, RunLayout.readings]
        if conversationsToo {
            let names =
                (try? FileManager.default.contentsOfDirectory(atPath: "\(path)/\(RunLayout.conversations)")) ?? []
            keys += names.sorted().map { "\(RunLayout.conversations)/\($0)" }
        }
        try evidence.chain.cover(growthOf: keys)
    }

    /// Enters everything that was written beside the records, at the end of a session, and has the archive keep the
    /// chain's end.
    public func seal(for archive: SQLiteArchive) async throws {
        try coverGrowth(conversationsToo: true)
        try evidence.chain.cover(filesAt: RunLayout.pictures)
        try await archive.note(chain: chainHead, of: manifest.config.name)
    }

    /// Appends to `events.jsonl`. Never needed for resuming.
    public func append(_ event: CampaignEvent) throws {
        try log.append(TimedEvent(at: Self.now(), event: event))
    }

    /// Keeps a file for people, such as `report.md`, at the top of the folder.
    public func keep(_ text: String, as name: String) throws { try evidence.keep(Array(text.utf8), for: name) }

    /// Keeps the policy's scores before any training.
    public func keep(_ untrained: [UntrainedScore]) throws {
        try evidence.keep(try ArchiveJSON.encode(untrained, pretty: true), for: RunLayout.untrained)
    }

    public func keep(_ dialogues: [GradedAnswer], of loss: String, _ spec: TrialSpec) throws {
        let lines = try dialogues.map { try ArchiveJSON.encode($0) + [UInt8(ascii: "\n")] }
        try evidence.store(lines.flatMap { $0 }, for: RunLayout.answers(of: loss, spec))
    }

    /// The time in UTC, ISO 8601.
    public static func now() -> String { Date().formatted(.iso8601) }
}
