import ArgumentParser
import LabConfig
import LabCore

/// `losslab evaluation list`: the worlds on which losses are scored.
struct EvaluationList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "List the worlds.")

    @OptionGroup var projectOption: ProjectOption
    @OptionGroup var formatOption: FormatOption

    func run() async throws {
        let project = try projectOption.resolve()
        let worlds = try readingInput { try WorldCatalogue.load(project.worlds).worlds }
        switch formatOption.format {
        case .json:
            try printJSON(worlds)
        case .table:
            var table = TextTable(["world", "title", "search", "held out", "settings", "logp scale"])
            for world in worlds {
                table.add([
                    world.name, world.title, "\(world.questionCounts[.search] ?? 0)",
                    "\(world.questionCounts[.heldOut] ?? 0)", "\(world.grid.settings.count)",
                    compact(world.training.logpScale),
                ])
            }
            print(table.text)
        }
    }
}
