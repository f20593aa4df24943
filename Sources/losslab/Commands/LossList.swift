import ArgumentParser
import LabConfig
import LabCore

/// `losslab loss list`: the catalogue.
struct LossList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List the losses of the catalogue.")

    @OptionGroup var projectOption: ProjectOption
    @OptionGroup var formatOption: FormatOption

    struct Row: Codable {
        let name: String
        let origin: String
        let path: String
        let beta: Double
        let title: String?
        let reference: String?
        let control: Bool
    }

    func run() async throws {
        let project = try projectOption.resolve()
        let rows = try readingInput { try LossCatalogue.load(project.losses) }.files.map {
            Row(
                name: $0.loss.name, origin: $0.loss.origin.rawValue, path: $0.path, beta: $0.loss.beta,
                title: $0.loss.title, reference: $0.loss.reference, control: $0.loss.isControl)
        }
        switch formatOption.format {
        case .json:
            try printJSON(rows)
        case .table:
            var table = TextTable(["name", "origin", "beta", "title", "reference"])
            for row in rows {
                table.add([
                    row.name, row.control ? "control" : row.origin, compact(row.beta), row.title ?? "",
                    row.reference ?? "",
                ])
            }
            print(table.text)
        }
    }
}

/// `losslab loss show NAME`: one loss file.
struct LossShow: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Print one loss of the catalogue, or a loss file.")

    @Argument(help: "Name of a catalogue loss, or path of a loss file.")
    var loss: String

    @OptionGroup var projectOption: ProjectOption
    @OptionGroup var formatOption: FormatOption

    func run() async throws {
        let project = try projectOption.resolve()
        let source = try readingInput { try project.loss(loss) }
        switch formatOption.format {
        case .json: try printJSON(source)
        case .table: print(source.text)
        }
    }
}
