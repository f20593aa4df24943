import Archive
import ArgumentParser
import LabCore

/// `losslab loss rerun LOSS --dataset D --model M`: a loss on other data, beside the one it has to beat.
struct LossRerun: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rerun", abstract: "Train a model with a loss on a data set of your own, and compare.",
        discussion: """
            Trains the loss and the one it is compared with: the same pairs, seeds and grid for both, each judged at its \
            own best setting. Settings are chosen with the first seed on a third of the held-out prompts; everything that \
            is printed was measured on the others. Finished trials are kept and reused; the result is recorded in the \
            archive. Exit code 2 when the loss is rejected everywhere, 65 when data or model cannot be used.
            """)

    @Argument(help: "Catalogue name, loss file, or CAMPAIGN/LOSS of the archive.")
    var loss: String

    @Option(help: "Loss to compare with.")
    var against = "dpo"

    @OptionGroup var options: RerunOptions
    @OptionGroup var projectOption: ProjectOption
    @OptionGroup var formatOption: FormatOption

    func run() async throws {
        try await rerun([loss, against], against: against, options, in: projectOption, as: formatOption.format)
    }
}

/// Runs, prints and records; the exit code says whether the first loss came to anything.
func rerun(
    _ references: [String], against: String, _ options: RerunOptions, in projectOption: ProjectOption,
    as format: OutputFormat
) async throws {
    let project = try projectOption.resolve()
    if let world = project.world(named: options.dataset) {
        throw ValidationError(
            "\(world) is a world, not pairs of your own: `losslab loss evaluate \(references.joined(separator: " ")) "
                + "--world \(world)` trains and scores there")
    }
    _ = try options.model.chosen()
    try await orFail {
        try await interruptible {
            let record = try await RerunSession(
                project: project, options: options, references: references, against: against
            ).run()
            switch format {
            case .json: try printJSON(record)
            case .table:
                print(RerunText(record: record).text)
                log("recorded as \(record.id): \(RerunFiles(in: project.runs).folder(of: record.id))")
            }
            let own = record.losses.filter { $0.name != record.against || record.losses.count == 1 }
            if own.allSatisfy({ $0.setting == nil }) { throw ExitCode.nothingQualified }
        }
    }
}
