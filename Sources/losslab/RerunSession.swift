import Archive
import ArgumentParser
import ChatClient
import Foundation
import Judge
import LabConfig
import LabCore
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
        let suite = try suite()
        let request = try readingInput { try options.request(suiteQuestions: suite.map { [$0.questions] } ?? []) }
        let configuration = project.workerConfiguration(
            allowUnsandboxed: options.allowUnsandboxed, reachesHub: true)
        let keys = try readingInput { try RerunKeys(request, pythonPath: configuration.pythonPath) }
        let pool = WorkerPool(size: options.workers, configuration: configuration)
        defer { Task { await pool.close() } }
        let progress = ProgressLine()
        defer { progress.finish() }
        let trainings = RerunTrainings(
            finetuner: PoolFinetuner(pool: pool), request: request, keys: keys,
            cache: try FileStepStore(project.cache + "/finetunings", shared: true),
            save: options.save.map { URL(filePath: $0).standardizedFileURL.path }, progress: progress)
        let tuning = RerunTuning(
            grid: try options.training.grid(lora: request.model.loraRank != nil),
            seeds: try options.training.seedList(), trainings: trainings)
        let contenders = try await tuning.run(try await screened(losses.map(\.source), in: pool))
        progress.finish()
        guard contenders.allSatisfy({ $0.reports.values.allSatisfy { !$0.heldOut.isEmpty } }) else {
            log("losslab: no held-out pairs; name a set with --held-out, or hold more back with --held-out-share")
            throw ExitCode.badInput
        }
        let results = RerunResults(
            tuning: tuning, contenders: contenders,
            against: losses.first { $0.reference == against }?.source.name ?? "",
            suiteScores: try await suite?.scores(of: contenders, tuning) ?? [:],
            before: try await earlierScores(of: losses.map(\.source)),
            places: Dictionary(losses.compactMap { loss in loss.place.map { (loss.source.name, $0) } }) { $1 })
        keepBestWeights(contenders, tuning)
        let ready = await pool.ready
        var versions = ["losslab": LossLabCommand.configuration.version]
        versions["python"] = ready?.python
        versions["torch"] = ready?.torch
        let id = try id(losses, keys, tuning, trainings)
        let record = record(results, request, id: id, versions: versions)
        try await keep(record, contenders, tuning)
        return record
    }

    // MARK: Losses

    private struct Named {
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

    private func suite() throws -> RerunSuite? {
        guard let name = options.questions.suite, let judge = options.questions.judge else { return nil }
        return try readingInput {
            try RerunSuite(
                folder: name.contains("/") ? name : project.root + "/evaluation/" + name, judge: judge,
                baseURL: options.questions.baseURL, keyEnvironment: options.questions.keyEnv,
                cache: project.cache + "/judgments")
        }
    }

    // MARK: What is left behind

    /// The same request has the same folder: losses, data, model, grid, seeds and code.
    private func id(
        _ losses: [Named], _ keys: RerunKeys, _ tuning: RerunTuning, _ trainings: RerunTrainings
    ) throws -> String {
        let specs =
            tuning.tuning.proxyTrials()
            + tuning.tuning.config.fullSeeds.map {
                TrialSpec(
                    world: "", fidelity: .full, setting: tuning.tuning.grid.settings[0], seed: $0, pairCount: 0)
            }
        let names = try losses.flatMap { loss in
            try specs.map {
                try keys.key(of: loss.source, $0, as: trainings.request, by: trainings.finetuner)
            }
        }
        let hash = ContentHash.sha256((names + [against]).joined(separator: "\n"))
        let name = losses.count > 2 ? "compare" : losses[0].source.name
        return "\(name)-\(URL(filePath: options.dataset).lastPathComponent.prefix { $0 != "." })-\(hash.prefix(8))"
            .replacing(/[^A-Za-z0-9_-]+/, with: "-")
    }

    private func record(
        _ results: RerunResults, _ request: FinetuneRequest, id: String, versions: [String: String]
    ) -> RerunRecord {
        let tuning = results.tuning.tuning
        var described = [
            "epochs": "\(request.epochs)", "batchSize": "\(request.batchSize)", "trainer": request.trainer,
        ]
        described["maxSteps"] = request.maxSteps.map(String.init)
        described["maxLength"] = request.maxLength.map(String.init)
        described["lora"] = request.model.loraRank.map(String.init)
        described["revision"] = request.data.revision
        described["modelRevision"] = request.model.revision
        described["suite"] = options.questions.suite
        described["judge"] = options.questions.judge
        let trained = results.contenders.lazy.compactMap { $0.reports.values.first }.first
        return RerunRecord(
            id: id, at: RunDirectory.now(), dataset: options.dataset, heldOut: options.heldOut ?? options.heldOutSplit,
            model: options.model.model ?? "", options: described, grid: tuning.grid, seeds: tuning.config.fullSeeds,
            against: results.against,
            pairs: results.pairs()
                ?? RerunPairs(training: 0, unusable: 0, truncated: 0, choosing: 0, scoring: 0, prompts: 0),
            klOf: results.klIsSampled
                ? "estimated on the policy's own answers" : "log-ratio on held-out answers, not the policy's own",
            baselines: results.baselines(), losses: results.scores(), versions: versions,
            device: trained?.device == "cpu" ? ProcessorName.current : trained?.device, notes: results.notes())
    }

    private func keep(_ record: RerunRecord, _ contenders: [RerunContender], _ tuning: RerunTuning) async throws {
        let files = RerunFiles(in: project.runs)
        try files.keep(record)
        for contender in contenders {
            guard let best = tuning.best(of: contender) else { continue }
            for (seed, report) in zip(best.seeds, tuning.reports(of: contender, at: best.setting)) {
                for (name, answers) in report.answers {
                    try writeAnswers(
                        answers,
                        to: "\(files.folder(of: record.id))/answers/\(contender.loss.name)-seed\(seed)-\(name).jsonl",
                        model: contender.loss.name)
                }
            }
        }
        try await SQLiteArchive(project.archive).record(record)
    }

    /// Of the weights that trainings left, those of each loss's best setting stay.
    private func keepBestWeights(_ contenders: [RerunContender], _ tuning: RerunTuning) {
        for contender in contenders {
            let best = tuning.best(of: contender)?.setting
            for spec in contender.reports.keys where spec.setting != best {
                if let folder = tuning.trainings.folder(of: contender.loss, spec) {
                    try? FileManager.default.removeItem(atPath: folder)
                }
            }
        }
    }
}
