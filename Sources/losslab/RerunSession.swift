import Archive
import ArgumentParser
import Foundation
import LabConfig
import LabCore
import Laboratory
import Trainer

/// One rerun from the losses' names to the record: screens, trains through the cache, judges, records.
struct RerunSession {
    let project: Project
    let options: RerunOptions
    /// As named on the command line, the loss compared with included.
    let references: [String]
    let against: String

    func run() async throws -> RerunRecord {
        let losses = try await sources()
        let suite = try readingInput { try suiteFolder() }
        let suiteQuestions = suite.map { [URL(filePath: $0 + "/question.jsonl").standardizedFileURL.path] } ?? []
        let request = try readingInput { try options.request(suiteQuestions: suiteQuestions) }
        let configuration = project.workerConfiguration(
            allowUnsandboxed: options.allowUnsandboxed, reachesHub: true)
        let engine = try await orFail { try await EngineIdentity.current(configuration) }
        let identity = try readingInput { try FinetuneIdentity(request, engine: engine, project.fileHashes) }
        let pool = WorkerPool(size: options.workers, configuration: configuration)
        defer { Task { await pool.close() } }
        // Before any training, so that a suite or a key that is missing costs nothing.
        let judge = try readingInput {
            try options.questions.judge.map { _ in
                try RerunJudge(
                    options.questions, suite: suite, pool: pool, policy: request.model,
                    cache: project.cache + "/judgments")
            }
        }
        let progress = ProgressLine()
        defer { progress.finish() }
        let trainings = RerunTrainings(
            finetuner: PoolFinetuner(pool: pool), request: request, identity: identity,
            cache: try project.kept("finetunings"),
            save: options.save.map { URL(filePath: $0).standardizedFileURL.path }, tracking: options.tracking(project),
            progress: progress)
        let tuning = RerunTuning(
            grid: try options.training.grid(lora: request.model.adapter != nil),
            seeds: try options.training.seedList(), trainings: trainings)
        let contenders = try await tuning.run(try await screened(losses.map(\.source), in: pool))
        progress.finish()
        guard contenders.allSatisfy({ $0.reports.values.allSatisfy { !$0.heldOut.isEmpty } }) else {
            log("losslab: no held-out pairs; name a set with --held-out, or hold more back with --held-out-share")
            throw ExitCode.badInput
        }
        let results = RerunResults(
            tuning: tuning, contenders: contenders,
            against: try await name(of: against, among: losses),
            judgments: try await judging {
                try await judge?.scores(of: contenders, tuning, questions: request.questions) ?? [:]
            },
            scale: judge?.scale,
            before: try await earlierScores(of: losses.map(\.source)),
            places: Dictionary(losses.compactMap { loss in loss.place.map { (loss.source.name, $0) } }) { $1 })
        keepBestWeights(contenders, tuning)
        let ready = await pool.ready
        var versions = ["losslab": LossLabCommand.configuration.version]
        versions["python"] = ready?.python
        versions["torch"] = ready?.torch
        let id = try id(losses, identity, tuning, trainings)
        let record = record(results, request, id: id, versions: versions)
        try await keep(record, contenders, tuning)
        if let frontier = record.frontier {
            await PoolPlotter(pool: pool).keep(
                frontier, titled: record.id, showing: record.shown, in: RerunFiles(in: project.runs).folder(of: id))
        }
        try RerunFiles(in: project.runs).seal(id)
        return record
    }

    // MARK: Losses

    struct Named {
        let reference: String
        let source: LossSource
        let place: (campaign: String, candidate: CandidateID)?
    }

    /// Different losses under their names; a loss named twice is trained once.
    private func sources() async throws -> [Named] {
        var found: [Named] = []
        for reference in references where !found.contains(where: { $0.reference == reference }) {
            let source = try await readingInput { try await findLoss(reference, in: project) }
            guard !found.contains(where: { $0.source.text == source.text }) else { continue }
            if let other = found.first(where: { $0.source.name == source.name }) {
                log("losslab: \(other.reference) and \(reference) are both named \(source.name); rename one of them")
                throw ExitCode.badInput
            }
            found.append(Named(reference: reference, source: source, place: try await place(of: reference)))
        }
        return found
    }

    /// A loss's name, under whichever of its references it came first.
    private func name(of reference: String, among losses: [Named]) async throws -> String {
        let text = try await readingInput { try await findLoss(reference, in: project) }.text
        return losses.first { $0.source.text == text }?.source.name ?? reference
    }

    private func place(of reference: String) async throws -> (campaign: String, candidate: CandidateID)? {
        guard let slash = reference.firstIndex(of: "/"), !reference.hasSuffix(".py"),
            FileManager.default.fileExists(atPath: project.archive)
        else { return nil }
        let campaign = String(reference[..<slash])
        let loss = String(reference[reference.index(after: slash)...])
        let archive = try SQLiteArchive(project.archive, readOnly: true)
        return try await archive.candidate(loss, of: campaign).map { (campaign, $0.id) }
    }

    /// Nothing is trained with a loss that screening refuses; a control may be trained whatever it says.
    private func screened(_ sources: [LossSource], in pool: WorkerPool) async throws -> [RerunContender] {
        let controls = try LossCatalogue.load(project.losses).losses.filter(\.isControl).map(\.text)
        let screener = PoolScreener(pool: pool, controls: Set(controls))
        var contenders: [RerunContender] = []
        for source in sources {
            let screening = try await screener.screen(source.text, name: source.name)
            let refusal = screening.accepted || source.isControl ? nil : screening.rejections.first
            contenders.append(RerunContender(loss: source, refusal: refusal))
        }
        return contenders
    }

    private func earlierScores(of losses: [LossSource]) async throws -> [String: EarlierScore] {
        guard FileManager.default.fileExists(atPath: project.archive) else { return [:] }
        let archive = try SQLiteArchive(project.archive, readOnly: true)
        var scores: [String: EarlierScore] = [:]
        for loss in losses { scores[loss.name] = try await archive.earlierScore(ofText: loss.text, named: loss.name) }
        return scores
    }

    // MARK: Suite

    private func suiteFolder() throws -> String? {
        try options.questions.suite.map { $0.contains("/") ? $0 : try project.suite(named: $0) }
    }
}
