import Archive
import ArgumentParser
import LabCore

/// `losslab archive reruns`: every loss that was trained on other data, the latest rerun first.
struct ArchiveReruns: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reruns", abstract: "List reruns on other data; with a name, the whole table of one.")

    @Argument(help: "A rerun's name.")
    var rerun: String?

    @OptionGroup var projectOption: ProjectOption
    @OptionGroup var formatOption: FormatOption

    func run() async throws {
        let archive = try openArchive(try projectOption.resolve())
        let all = try await orFail { try await archive.reruns() }
        if let rerun {
            guard let record = all.first(where: { $0.id == rerun }) else {
                log("losslab: no rerun is named \(rerun); `losslab archive reruns` lists them")
                throw ExitCode.badInput
            }
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
}
