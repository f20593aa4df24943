import ArgumentParser
import Judge
import LabConfig
import LabCore

/// `losslab evaluation list`: the worlds on which losses are scored, and the suites that a judge model grades.
struct EvaluationList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List the worlds, and the suites for judge models.")

    @OptionGroup var projectOption: ProjectOption
    @OptionGroup var formatOption: FormatOption

    private struct Suite: Encodable {
        let name: String
        let title: String
        let kind: SuiteManifest.Kind
        let state: SuiteFolder.State
    }

    private struct Listing: Encodable {
        let worlds: [WorldDescription]
        let suites: [Suite]
    }

    func run() async throws {
        let project = try projectOption.resolve()
        let worlds = try readingInput { try WorldCatalogue.load(project.worlds).worlds }
        let suites = try readingInput { try SuiteFolder.all(in: project.root + "/evaluation") }.map {
            Suite(name: $0.manifest.name, title: $0.manifest.title, kind: $0.manifest.kind, state: $0.state)
        }
        switch formatOption.format {
        case .json:
            try printJSON(Listing(worlds: worlds, suites: suites))
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
            guard !suites.isEmpty else { return }
            var suiteTable = TextTable(["suite", "title", "kind", "files"])
            for suite in suites {
                let missing = suite.state == .absent || suite.state == .incomplete
                suiteTable.add([
                    suite.name, suite.title, suite.kind.rawValue,
                    suite.state.rawValue + (missing ? " (losslab evaluation fetch \(suite.name))" : ""),
                ])
            }
            print("\n" + suiteTable.text)
        }
    }
}
