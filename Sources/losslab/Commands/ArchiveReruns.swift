import Archive
import ArgumentParser
import LabCore

/// `losslab archive reruns`: every loss that was trained on other data, the latest rerun first.
struct ArchiveReruns: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reruns", abstract: "List reruns on other data; with a name, the whole table of one.")

    @Argument(help: "A rerun's name.")
    var rerun: String?

    @Option(
        name: [.customShort("o"), .customLong("out")],
        help: "Draw the rerun's scores against KL: a file that ends in .svg or .png.",
        completion: .file())
    var output: String?

    @OptionGroup var projectOption: ProjectOption
    @OptionGroup var formatOption: FormatOption

    func validate() throws {
        guard output == nil || rerun != nil else { throw ValidationError("--out draws one rerun; name it") }
    }

    func run() async throws {
        let project = try projectOption.resolve()
        let file = try readingInput { try output.map { try PictureFile($0) } }
        let archive = try openArchive(project)
        let all = try await orFail { try await archive.reruns() }
        if let rerun {
            guard let record = all.first(where: { $0.id == rerun }) else {
                log("losslab: no rerun is named \(rerun); `losslab archive reruns` lists them")
                throw ExitCode.badInput
            }
            if let file { try await orFail { try await draw(record, to: file, in: project) } }
            if formatOption.format == .json { return try printJSON(record) }
            return print(RerunText(record: record).text)
        }
        if formatOption.format == .json { return try printJSON(all) }
        var table = TextTable(["rerun", "at", "loss", "dataset", "model", "seeds", "accuracy", "± se", "lr", "beta"])
        for record in all {
            for row in record.losses {
                table.add([
                    record.id, record.at, row.name, record.dataset, record.model, "\(record.seeds.count)",
                    cell(row.metrics["accuracy"]?.mean, 3), cell(row.metrics["accuracy"]?.standardError, 3),
                    row.setting.map { compact($0.learningRate) } ?? "—", row.setting.map { compact($0.beta) } ?? "—",
                ])
            }
        }
        print(table.text)
    }

    private func draw(_ record: RerunRecord, to file: PictureFile, in project: Project) async throws {
        guard let frontier = record.frontier else {
            log(
                "losslab: \(record.id) has no KL to draw: give `loss rerun` questions to ask, with --questions or --suite"
            )
            throw ExitCode.badInput
        }
        try await frontier.draw(titled: record.id, showing: record.shown, to: file, in: project)
    }
}
