import Archive
import Foundation
import LabCore
import Laboratory
import Trainer

/// What a rerun leaves behind: its record, the answers, the best setting's weights.
extension RerunSession {
    /// The same request has the same folder: losses, data, model, grid, seeds and code.
    func id(
        _ losses: [Named], _ identity: FinetuneIdentity, _ tuning: RerunTuning, _ trainings: RerunTrainings
    ) throws -> String {
        let specs =
            tuning.tuning.proxyTrials()
            + tuning.tuning.config.fullSeeds.map {
                TrialSpec(
                    world: "", fidelity: .full, setting: tuning.tuning.grid.settings[0], seed: $0, pairCount: 0)
            }
        let names = try losses.flatMap { loss in
            try specs.map {
                try identity.key(of: loss.source, $0, as: trainings.request, by: trainings.finetuner)
            }
        }
        let hash = ContentHash.sha256((names + [against]).joined(separator: "\n"))
        let name = losses.count > 2 ? "compare" : losses[0].source.name
        return "\(name)-\(dataName)-\(hash.prefix(8))".replacing(/[^A-Za-z0-9_-]+/, with: "-")
    }

    /// The data set's name without its ending; a file called after its split alone bears its folder's name too.
    private var dataName: String {
        let path = URL(filePath: options.dataset).standardizedFileURL
        let name = String(path.lastPathComponent.prefix { $0 != "." })
        let folder = path.deletingLastPathComponent().lastPathComponent
        return ["train", "test", "validation", "data"].contains(name) ? "\(folder)-\(name)" : name
    }

    func record(
        _ results: RerunResults, _ request: FinetuneRequest, id: String, versions: [String: String]
    ) -> RerunRecord {
        let tuning = results.tuning.tuning
        var described = [
            "epochs": "\(request.epochs)", "batchSize": "\(request.batchSize)", "trainer": request.trainer,
        ]
        described["maxSteps"] = request.maxSteps.map(String.init)
        described["maxLength"] = request.maxLength.map(String.init)
        described["lora"] = request.model.adapter.map { String($0.rank) }
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
            baselines: results.baselines(), losses: results.scores(), frontier: results.frontier(), versions: versions,
            device: trained?.device == "cpu" ? ProcessorName.current : trained?.device, notes: results.notes())
    }

    func keep(_ record: RerunRecord, _ contenders: [RerunContender], _ tuning: RerunTuning) async throws {
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
    func keepBestWeights(_ contenders: [RerunContender], _ tuning: RerunTuning) {
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
