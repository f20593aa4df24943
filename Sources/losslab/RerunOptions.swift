import ArgumentParser
import Foundation
import LabCore
import Trainer

/// What `loss rerun` and `loss compare` have in common: data, model, grid, training, questions.
struct RerunOptions: ParsableArguments {
    @Option(help: "Preference pairs to train on: a file, a folder or a Hub id.", completion: .file())
    var dataset: String

    @OptionGroup var source: DataSourceOptions

    @Option(help: "Held-out pairs of their own: a file, folder or Hub id. Default: a share of the prompts.")
    var heldOut: String?

    @Option(help: "Split of the held-out pairs; without --held-out, of the data set itself.")
    var heldOutSplit: String?

    @Option(help: "Share of the prompts held back where there is no --held-out.")
    var heldOutShare: Double?

    @OptionGroup(title: "Model") var model: ModelOptions
    @OptionGroup(title: "Training") var training: RerunTrainingOptions
    @OptionGroup(title: "Answers") var questions: RerunQuestionOptions

    @Option(help: "Keep the trained weights of each loss's best setting in this folder.", completion: .directory)
    var save: String?

    @Option(
        help: ArgumentHelp(
            "Follow trainings with tensorboard, wandb, wandb-offline or mlflow, where installed. Cached trials are not logged.",
            valueName: "tracker"))
    var track: [String] = []

    @Option(help: "Where trackers write, one folder per trial. Default: runs/tracking.", completion: .directory)
    var trackTo: String?

    @Option(help: "Trainer processes side by side; each holds a model.")
    var workers = 1

    @Flag(help: "Run generated code even where the kernel lacks Landlock or seccomp.")
    var allowUnsandboxed = false

    func validate() throws {
        guard workers >= 1 else { throw ValidationError("--workers must be at least 1") }
        let trackers = ["tensorboard", "wandb", "wandb-offline", "mlflow"]
        if let unknown = track.first(where: { !trackers.contains($0) }) {
            throw ValidationError("--track \(unknown) is not one of \(trackers.joined(separator: ", "))")
        }
        guard trackTo == nil || !track.isEmpty else { throw ValidationError("--track-to needs --track") }
        guard heldOutShare.map({ $0 > 0 && $0 < 1 }) ?? true else {
            throw ValidationError("--held-out-share must be between 0 and 1")
        }
        guard heldOut == nil && heldOutSplit == nil || heldOutShare == nil else {
            throw ValidationError("name held-out pairs with --held-out, or a share of the prompts, not both")
        }
    }

    /// As the training pairs are read, but for split and limit; `nil` holds a share of the prompts back.
    private var heldOutSource: DataSource? {
        guard heldOut != nil || heldOutSplit != nil else { return nil }
        let like = source.source(heldOut ?? dataset)
        return DataSource(
            path: like.path, config: like.config, split: heldOutSplit, revision: heldOut == nil ? like.revision : nil,
            columns: like.columns, layout: like.layout)
    }

    /// Who follows the trainings; `nil` for nobody.
    func tracking(_ project: Project) -> PoolFinetuner.Tracking? {
        guard !track.isEmpty else { return nil }
        let folder = trackTo.map { URL(filePath: $0).standardizedFileURL.path } ?? project.runs + "/tracking"
        return PoolFinetuner.Tracking(trackers: track, folder: folder)
    }

    /// - Parameter suiteQuestions: question files of the suite, where there is one.
    func request(suiteQuestions: [String]) throws -> FinetuneRequest {
        let questionFiles = questions.questions.map(absoluteIfPresent) + suiteQuestions
        return FinetuneRequest(
            model: try model.chosen(), data: source.source(dataset),
            heldOut: heldOutSource,
            heldOutShare: heldOutShare, batchSize: training.batchSize, microBatchSize: training.microBatch,
            epochs: training.epochs, maxSteps: training.maxSteps, schedule: training.schedule,
            maxLength: training.maxLength, maxPromptLength: training.maxPromptLength, questions: questionFiles,
            sampling: [
                .init(
                    name: "sampled", temperature: questions.temperature, samples: questions.samples,
                    shape: questions.shape.chosen)
            ],
            maxNewTokens: questions.maxNewTokens, trainer: training.trainer.rawValue)
    }
}
