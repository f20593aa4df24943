import Archive
import ArgumentParser
import Foundation
import LabConfig
import LabCore
import Trainer

/// `losslab system estimate CONFIG`, or with `--model` and `--dataset`: what a run will need, before it starts.
struct SystemEstimate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "estimate", abstract: "Say how much memory and time a campaign or a fine-tuning will need.",
        discussion: """
            Of a campaign file the trials are counted and multiplied by the mean seconds of such trials in the \
            archive; where there are none, one is run now. Of a model folder and a data set memory is counted part by \
            part and one and two layers are timed. Every figure says whether it is counted, measured or assumed.
            """)

    @Argument(help: "Campaign file (runs/*.yaml).", completion: .file(extensions: ["yaml"]))
    var config: String?

    @Option(help: "Preference pairs: file, folder or Hub id.")
    var dataset: String?

    @OptionGroup(title: "Model") var modelOptions: ModelOptions
    @OptionGroup var source: DataSourceOptions

    @Option(help: "Pairs of one optimizer step.")
    var batchSize = 16

    @Option(name: .customLong("micro-batch"), help: "Pairs in memory at once. Default: what fits.")
    var microBatchSize: Int?

    @Option(help: "Longest prompt and answer together, in tokens.")
    var maxLength = 1024

    @Option(help: "Passes over the data.")
    var epochs = 1

    @Option(help: "Floating-point operations a second of the device that will train, such as 4e14; nothing is timed.")
    var flops: Double?

    @OptionGroup var projectOption: ProjectOption
    @OptionGroup var formatOption: FormatOption

    func validate() throws {
        guard (config != nil) != (modelOptions.model != nil) else {
            throw ValidationError("name a campaign file, or a model with --model and pairs with --dataset")
        }
        guard modelOptions.model == nil || dataset != nil else {
            throw ValidationError("--model needs --dataset: pairs to train on")
        }
        for (name, value) in [("--batch-size", batchSize), ("--max-length", maxLength), ("--epochs", epochs)]
        where value < 1 {
            throw ValidationError("\(name) must be at least 1")
        }
        guard flops ?? 1 > 0 else { throw ValidationError("--flops must be greater than 0") }
    }

    func run() async throws {
        let project = try projectOption.resolve()
        if modelOptions.model != nil, let dataset { return try await estimate(dataset, in: project) }
        guard let config else { return }
        let campaigns: [CampaignConfig] = try readingInput { try CampaignFile.load(config) }
        let found: [CampaignEstimate] = try await readingInput {
            try await CampaignEstimator(project: project, flops: flops).estimates(of: campaigns)
        }
        switch formatOption.format {
        case .json: try printJSON(found)
        case .table: print(found.map(\.text).joined(separator: "\n\n"))
        }
    }

    private func estimate(_ dataset: String, in project: Project) async throws {
        var request = FinetuneRequirements(model: try modelOptions.chosen(), data: source.source(dataset))
        request.batchSize = batchSize
        request.microBatchSize = microBatchSize
        request.maxLength = maxLength
        request.epochs = epochs
        request.flops = flops
        let pool = WorkerPool(size: 1, configuration: project.workerConfiguration(reachesHub: true))
        let outcome = try await orFail { try await PoolEstimator(pool: pool).estimate(request) }
        await pool.close()
        switch outcome {
        case .unusable(let problem):
            log("losslab: \(problem)")
            throw ExitCode.badInput
        case .estimated(let estimate):
            switch formatOption.format {
            case .json: try printJSON(estimate)
            case .table: print(estimate.text)
            }
        }
    }
}

extension FinetuneEstimate {
    var text: String {
        var table = TextTable(["memory", "GiB", "known", "how"])
        func gibibytes(_ bytes: Int) -> String { decimal(Double(bytes) / 1_073_741_824, 2) }
        for part in memory { table.add([part.part, gibibytes(part.bytes), part.basis, part.how]) }
        table.add(["in all", gibibytes(totalBytes), "", freeBytes.map { "\(gibibytes($0)) GiB free here" } ?? ""])
        var lines = [
            "\(model.path): \(model.parameters) parameters, \(model.trained) trained, computes in \(model.computesIn), "
                + device,
            "\(pairs.usable) pairs (\(pairs.dropped) dropped, \(pairs.truncated) cut), \(tokens.perEpoch) tokens an epoch, "
                + "\(steps) steps of \(batchSize) pairs, \(microBatchSize) in memory at once (\(microBatchBasis))",
            "", table.text, "",
        ]
        if let seconds = time.seconds, let speed = time.tokensPerSecond, let basis = time.basis {
            lines.append(
                "time \(decimal(seconds / 60, 1)) minutes: reference \(decimal((time.reference ?? 0) / 60, 1)), training "
                    + "\(decimal((time.training ?? 0) / 60, 1)) at \(decimal(speed, 0)) tokens a second (\(basis): \(time.how))"
            )
        } else {
            lines.append("time unknown: \(time.how)")
        }
        if let free = freeBytes, free < totalBytes {
            lines.append(
                "does not fit what is free here: try --lora 16, --gradient-checkpointing or a shorter --max-length")
        }
        return lines.joined(separator: "\n")
    }
}
