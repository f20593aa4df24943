import Archive
import ArgumentParser
import CampaignRunner
import Foundation
import LabConfig
import LabCore
import Proposer
import Trainer

/// One campaign from configuration to report: wires the stages, holds the run directory, handles interruption.
struct CampaignSession {
    let project: Project
    let allowUnsandboxed: Bool

    /// The models that this machine serves for the campaigns.
    private let models: EmbeddedModels

    init(project: Project, allowUnsandboxed: Bool) {
        self.project = project
        self.allowUnsandboxed = allowUnsandboxed
        models = EmbeddedModels(project)
    }

    /// Begins a campaign.
    func begin(_ recipe: CampaignConfig) async throws {
        let config = try await EmbeddedChoice(models: models, project: project).settled(recipe)
        let laboratory = try await laboratory(for: config)
        defer { Task { await laboratory.pool.close() } }
        let check = try await ModelCheck(config, project: project, models: models)
        let ready = try await laboratory.pool.warmUp()
        try await laboratory.tryOut()
        let manifest = CampaignManifest(
            config: config, started: RunDirectory.now(),
            versions: ["losslab": LossLabCommand.configuration.version, "python": ready.python, "torch": ready.torch],
            device: ProcessorName.current,
            worldFiles: laboratory.files)
        let directory = try RunDirectory.create(
            in: project.runs, manifest, resolvedConfig: render(config))
        try await run(directory, laboratory, check: check)
    }

    /// Takes up a campaign that was begun before.
    ///
    /// - Parameter budget: limits for language models that take the place of the recipe's from now on.
    func resume(_ name: String, budget: ModelBudget? = nil) async throws {
        let directory = try RunDirectory.resume(name, in: project.runs)
        let laboratory = try await laboratory(for: directory.manifest.config)
        defer { Task { await laboratory.pool.close() } }
        // What is left may ask no model: only before the catalogue's trainings is it worth making sure.
        let isBefore = try directory.steps.value(for: CampaignRunner.catalogueStep) == nil
        let check = isBefore ? try await ModelCheck(directory.manifest.config, project: project, models: models) : nil
        try await run(directory, laboratory, budget: budget, check: check)
    }

    private func laboratory(for config: CampaignConfig) async throws -> Laboratory {
        if let policy = config.policy {
            return try await readingInput {
                try await Laboratory(project: project, policy: policy, of: config, allowUnsandboxed: allowUnsandboxed)
            }
        }
        let worlds = [config.world] + (config.transferWorld.map { [$0] } ?? []).filter { $0 != config.world }
        return try await readingInput {
            try await Laboratory(
                project: project, worlds: worlds, workers: config.workers, allowUnsandboxed: allowUnsandboxed)
        }
    }

    private func run(
        _ directory: RunDirectory, _ laboratory: Laboratory, budget: ModelBudget? = nil, check: ModelCheck?
    ) async throws {
        do {
            try await finish(directory, laboratory, budget: budget, check: check)
            try await seal(directory)
        } catch {
            // What ended the session often hinders this too, and is told once; the next session enters what is missing.
            try? await seal(directory)
            switch error {
            case is CancellationError: throw CampaignInterrupted(campaign: directory.manifest.config.name)
            // While the untrained policy was graded.
            case let halt as ModelHalt: throw CampaignRunner.end(of: directory.manifest.config, by: halt)
            default: throw error
            }
        }
    }

    /// However the session ends: what it wrote beside its records stands in the chain too.
    private func seal(_ directory: RunDirectory) async throws {
        let archive = project.archive
        // A task of its own, since this one may be cancelled.
        try await Task { try await directory.seal(for: try SQLiteArchive(archive)) }.value
    }

    /// From where the campaign stands to its report.
    private func finish(
        _ directory: RunDirectory, _ laboratory: Laboratory, budget: ModelBudget?, check: ModelCheck?
    ) async throws {
        let config = directory.manifest.config
        let archive = try SQLiteArchive(project.archive)
        let models = try await ModelStages(directory, project: project, models: models, budget: budget, check: check)
        let laboratory = try await models.judged(laboratory, project: project)
        let progress = ProgressLine()
        // The judge of answers to one's own questions is tried before anything is spent on trainings.
        if config.policy != nil { try await measureUntrained(directory, laboratory) }
        let runner = try CampaignRunner(
            config: config, grid: try config.tuning.grid ?? laboratory.world(config.world).grid,
            catalogue: try LossCatalogue.load(project.losses).losses,
            stages: CampaignStages(
                proposer: try models.proposer(screener: laboratory.screener, project: project),
                screener: laboratory.screener,
                trials: laboratory.trials.keeping(directory),
                identity: laboratory.identity),
            storage: CampaignStorage(
                archive: try await RunRecorder(directory, archive), steps: directory.steps, cache: laboratory.cache),
            limits: models.limits,
            events: { event in
                progress.handle(event)
                try? directory.append(event)
            })
        defer { progress.finish() }
        _ = try await runner.run()
        progress.finish()
        try await measureUntrained(directory, laboratory)
        let report = try await reportText(of: config.name, archive, project)
        try directory.keep(report, as: "report.md")
        print(report)
        log("report: \(directory.path)/report.md")
        if let found = try await campaignFrontier(of: config.name, archive, directory.files) {
            await PoolPlotter(pool: laboratory.pool).keep(
                found.frontier, titled: "Campaign \(config.name)", showing: found.shown, in: directory.path)
        }
        let proposed = try await archive.snapshot(of: config.name).candidates.filter { $0.arm != .catalogue }
        if config.budget.candidates > 0, !proposed.contains(where: { $0.tuned != nil }) {
            log("losslab: no proposed loss could be trained; the report tells why")
            throw ExitCode.nothingQualified
        }
    }
}

extension CampaignSession {
    /// What the policy scores before any training, once a campaign, for the report.
    private func measureUntrained(_ directory: RunDirectory, _ laboratory: Laboratory) async throws {
        let config = directory.manifest.config
        // In a world it is measured by the rubric, so not beside another judge's scores.
        guard config.judge == nil || config.policy != nil, try directory.files.untrained().isEmpty else { return }
        do {
            try directory.keep(try await laboratory.untrained(in: config.world, seeds: config.tuning.fullSeeds))
        } catch TrainerError.unusable(let problem) {
            log("losslab: \(problem)")
            throw ExitCode.badInput
        }
    }
}

/// The report of a campaign, from its archive rows and its events.
func reportText(of name: String, _ archive: SQLiteArchive, _ project: Project) async throws -> String {
    let files = try RunFiles.open(name, in: project.runs)
    let events = try files.events().events
    let (config, snapshot) = (try await archive.manifest(of: name)?.config, try await archive.snapshot(of: name))
    let report = campaignReport(
        config: config, snapshot: snapshot,
        confirmation: try await archive.confirmation(of: name), account: CampaignAccount(of: events.map(\.event)),
        untrained: try files.untrained(), model: modelAccount(of: config, snapshot, runDirectory: files.path),
        frontier: try await campaignFrontier(of: name, archive, files))
    return [report, spendingSection(of: files.path)].compactMap(\.self).joined(separator: "\n")
}

/// What processor this machine has, for the manifest.
enum ProcessorName {
    static var current: String? {
        guard let text = try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8) else { return nil }
        let line = text.split(separator: "\n").first { $0.hasPrefix("model name") }
        return line?.split(separator: ":").last.map { $0.trimmingCharacters(in: .whitespaces) }
    }
}

/// Runs the work so that Ctrl-C cancels it: what is finished is stored, and the exit code says resumable.
///
/// Once a process: after the sources have been cancelled, new ones for the same signals hear nothing on Linux.
func interruptible(_ work: @escaping @Sendable () async throws -> Void) async throws {
    let task = Task { try await work() }
    signal(SIGINT, SIG_IGN)
    signal(SIGTERM, SIG_IGN)
    let sources = [SIGINT, SIGTERM].map { number in
        let source = DispatchSource.makeSignalSource(signal: number)
        source.setEventHandler {
            log("\nlosslab: ending; finished work is being stored")
            task.cancel()
        }
        source.resume()
        return source
    }
    defer { sources.forEach { $0.cancel() } }
    do {
        try await task.value
    } catch let interruption as CampaignInterrupted {
        log("losslab: \(interruption)")
        throw ExitCode.interrupted
    } catch is CancellationError {
        log("losslab: interrupted; finished work is stored, run the same command again to go on")
        throw ExitCode.interrupted
    }
}
