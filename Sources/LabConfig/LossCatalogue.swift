import Foundation
public import LabCore

/// All loss files below a folder, in the order of their paths.
public struct LossCatalogue: Sendable, Equatable {
    public let files: [LossFile]

    public init(_ files: [LossFile]) { self.files = files }

    public var losses: [LossSource] { files.map(\.loss) }

    /// Reads every `.py` file below the folder. All mistakes of all files are told at once.
    public static func load(_ folder: String) throws(ConfigError) -> LossCatalogue {
        var problems: [ConfigError.Problem] = []
        var files: [LossFile] = []
        for path in try pythonFiles(in: folder) {
            do { files.append(try LossFile.load(path)) } catch { problems += error.problems }
        }
        for (name, sharing) in Dictionary(grouping: files, by: \.loss.name).sorted(by: { $0.key < $1.key })
        where sharing.count > 1 {
            let others = sharing.dropLast().map(\.path).joined(separator: ", ")
            let message = "is named `\(name)` like \(others); every loss needs its own name"
            problems.append(ConfigError.Problem(.conflict, file: sharing[sharing.count - 1].path, message))
        }
        guard problems.isEmpty else { throw ConfigError(problems) }
        guard !files.isEmpty else {
            throw ConfigError(.unreadable, file: folder, "holds no loss files (*.py); name the folder `losses`")
        }
        return LossCatalogue(files)
    }

    /// The loss of that name; the error names the nearest one.
    public func file(named name: String) throws(ConfigError) -> LossFile {
        if let file = files.first(where: { $0.loss.name == name }) { return file }
        let hint = suggestion(for: name, among: files.map(\.loss.name), called: "known losses")
        throw ConfigError(.outOfRange, file: "losses", "no loss is named `\(name)`\(hint)")
    }

    /// The losses of those names in that order; all losses for no names.
    public func losses(named names: [String]) throws(ConfigError) -> [LossSource] {
        if names.isEmpty { return losses }
        var result: [LossSource] = []
        for name in names { result.append(try file(named: name).loss) }
        return result
    }

    private static func pythonFiles(in folder: String) throws(ConfigError) -> [String] {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: folder, isDirectory: &isFolder), isFolder.boolValue else {
            throw ConfigError(.unreadable, file: folder, "no such folder; loss files are kept in `losses`")
        }
        // An enumerator does not follow a link that is the folder itself.
        let resolved = URL(fileURLWithPath: folder).resolvingSymlinksInPath().path
        let below = FileManager.default.enumerator(atPath: resolved)?.compactMap { $0 as? String } ?? []
        return below.filter { $0.hasSuffix(".py") && !$0.contains("__pycache__") }.sorted().map { folder + "/" + $0 }
    }
}
