import ArgumentParser
import Foundation
import Trainer

struct DataCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "data", abstract: "Preference data: what it holds, what cannot be used, and pairs made here.",
        subcommands: [DataInspect.self, DataLabel.self])
}

/// `losslab data inspect PATH`: layout, every unusable row with its reason, lengths, shortcuts, samples.
struct DataInspect: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect", abstract: "Say what a set of preference pairs holds, and which rows cannot be used.",
        discussion: """
            PATH is a file (JSON lines, JSON, Parquet, CSV, Arrow; also compressed), a folder of such files, a folder \
            that `datasets` saved, or the id of a Hub data set. Rows count from 0. Exit code 65 when nothing is usable \
            or the source cannot be read.
            """)

    @Argument(help: "File, folder or Hub id.", completion: .file())
    var path: String

    @OptionGroup var source: DataSourceOptions

    @Option(
        help: ArgumentHelp(
            "Look for the prompts in this set too: a file, folder or Hub id, and its split. Repeat for more.",
            valueName: "path[@split]"))
    var against: [String] = []

    @Option(help: "Model folder whose tokenizer and chat template are used to count tokens.")
    var tokenizer: String?

    @Option(help: "Longest prompt and answer together, in tokens; what is cut is counted.")
    var maxLength: Int?

    @Option(help: "Chat template: chatml, zephyr, llama3, gemma, mistral, or a file. Default: the tokenizer's own.")
    var chatTemplate: String?

    @Flag(help: "Use a chat template that looks doubtful.")
    var acceptTemplate = false

    @Option(
        help: ArgumentHelp(
            "Show so many rows whole, as they are trained, with the trained tokens between ⟦ and ⟧.", valueName: "rows")
    )
    var show = 0

    @Option(help: "Rows of one reason that the table names; JSON names all.")
    var rowsShown = 8

    @OptionGroup var projectOption: ProjectOption
    @OptionGroup var formatOption: FormatOption

    func validate() throws {
        guard show >= 0 else { throw ValidationError("--show must be at least 0") }
        guard maxLength ?? 1 >= 1 else { throw ValidationError("--max-length must be at least 1") }
        guard tokenizer != nil || (maxLength == nil && chatTemplate == nil && !acceptTemplate && show == 0) else {
            throw ValidationError("--max-length, --show and chat templates need --tokenizer: they are about tokens")
        }
    }

    /// A set to compare with; another split of the inspected set is read as that is.
    private func other(_ reference: String) -> DataSource {
        var name = reference
        var split: String?
        if !FileManager.default.fileExists(atPath: reference), let at = reference.lastIndex(of: "@") {
            name = String(reference[..<at])
            split = String(reference[reference.index(after: at)...])
        }
        let main = source.source(path), place = absoluteIfPresent(name)
        guard place == main.path else { return DataSource(path: place, split: split) }
        return DataSource(
            path: place, config: main.config, split: split, revision: main.revision, columns: main.columns,
            layout: main.layout)
    }

    func run() async throws {
        let project = try projectOption.resolve()
        let pool = WorkerPool(size: 1, configuration: project.workerConfiguration(reachesHub: true))
        let request = InspectRequest(
            data: source.source(path), against: against.map(other),
            tokenizer: tokenizer.map(absoluteIfPresent), maxLength: maxLength,
            chatTemplate: chatTemplate.map(absoluteIfPresent), acceptTemplate: acceptTemplate,
            show: show)
        let outcome = try await orFail { try await PoolInspector(pool: pool).inspect(request) }
        await pool.close()
        switch outcome {
        case .unusable(let problem):
            log("losslab: \(problem)")
            throw ExitCode.badInput
        case .inspected(let inspection):
            switch formatOption.format {
            case .json: try printJSON(inspection)
            case .table: print(DataInspectionText(inspection, rowsShown: rowsShown).text)
            }
            if inspection.usable == 0 {
                log("losslab: no row of \(inspection.name) is usable")
                throw ExitCode.badInput
            }
        }
    }
}
