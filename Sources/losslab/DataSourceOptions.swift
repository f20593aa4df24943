import ArgumentParser
import Foundation
import Trainer

/// How preference pairs are named on the command line, beside their path.
struct DataSourceOptions: ParsableArguments {
    @Option(help: "Configuration of a Hub data set.")
    var config: String?

    @Option(help: "Split, where the source has several.")
    var split: String?

    @Option(help: "Branch, tag or commit of a Hub data set.")
    var revision: String?

    @Option(
        help: ArgumentHelp(
            "A column under another name, such as prompt=instruction; COLUMN= leaves that column out. Repeat for more.",
            valueName: "ours=theirs"))
    var map: [String] = []

    @Option(help: "How rows are read, where they could be read in two ways; the error lists the names.")
    var layout: String?

    @Option(help: "Only the first rows.")
    var limit: Int?

    func validate() throws {
        guard limit ?? 1 >= 1 else { throw ValidationError("--limit must be at least 1") }
        for entry in map where !entry.contains("=") {
            throw ValidationError("--map \(entry) is not of the form ours=theirs, such as prompt=instruction")
        }
    }

    func source(_ path: String) -> DataSource {
        let columns = map.map { entry in
            let parts = entry.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            return (String(parts[0]), parts.count > 1 ? String(parts[1]) : "")
        }
        return DataSource(
            path: absoluteIfPresent(path), config: config, split: split, revision: revision,
            columns: Dictionary(columns) { $1 }, layout: layout, limit: limit)
    }
}

/// The absolute path of what lies here; anything else, such as a Hub id, as it is.
func absoluteIfPresent(_ path: String) -> String {
    FileManager.default.fileExists(atPath: path) ? URL(filePath: path).standardizedFileURL.path : path
}
