import ArgumentParser

/// `losslab loss compare A B C --dataset D --model M`: one table for several losses on other data.
struct LossCompare: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare", abstract: "Train a model with several losses on a data set of your own: one table.",
        discussion: """
            As `losslab loss rerun`, for any number of losses: the same pairs, seeds and grid for all, each at its own \
            best setting, differences paired against the first loss or --against, p-values with Holm's correction.
            """)

    @Argument(help: "Catalogue names, loss files, or CAMPAIGN/LOSS of the archive.")
    var losses: [String]

    @Option(help: "Loss to compare with. Default: the first.")
    var against: String?

    @OptionGroup var options: RerunOptions
    @OptionGroup var projectOption: ProjectOption
    @OptionGroup var formatOption: FormatOption

    func validate() throws {
        guard Set(losses + [against].compactMap(\.self)).count >= 2 else {
            throw ValidationError("name at least two different losses")
        }
    }

    func run() async throws {
        try await rerun(
            losses + [against].compactMap(\.self), against: against ?? losses[0], options, in: projectOption,
            as: formatOption.format)
    }
}
