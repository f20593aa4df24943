import Archive
import ArgumentParser
import Foundation
import LabConfig
import LabCore
import Laboratory
import Trainer

/// Where the parts of a LossLab folder are: losses, worlds, runs, the virtual environment.
struct Project {
    let root: String

    var losses: String { root + "/losses" }
    var worlds: String { root + "/evaluation/microbench" }
    var runs: String { root + "/runs" }
    var archive: String { runs + "/archive.sqlite" }
    var cache: String { root + "/.cache" }

    /// Finished work of one kind, shared by all that ask for the same.
    func kept(_ kind: String) throws -> any StepStore {
        SealedStepStore(try FileStepStore("\(cache)/\(kind)", shared: true)) { log("losslab: \($0)") }
    }

    /// What files hold; of large ones it is remembered.
    var fileHashes: FileHashes { FileHashes(memory: cache + "/file-hashes") }

    /// The folder of a suite below `evaluation`.
    func suite(named name: String) throws(NameError) -> String {
        "\(root)/evaluation/\(try LabName(name, of: .evaluation))"
    }

    func hasCampaign(_ name: String) -> Bool {
        FileManager.default.fileExists(atPath: "\(runs)/\(name)/manifest.json")
    }

    var virtualEnvironment: String {
        ProcessInfo.processInfo.environment["LOSSLAB_VENV"] ?? root + "/.venv"
    }

    /// The worker beside this program, unless LOSSLAB_WORKER names another.
    var worker: String {
        if let path = ProcessInfo.processInfo.environment["LOSSLAB_WORKER"] { return path }
        let executable = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? "losslab"
        return URL(filePath: executable).deletingLastPathComponent().appending(path: "losslab-worker").path
    }

    /// A catalogue loss by name, or a loss file by path: whatever has a slash or ends in `.py` is a path.
    func loss(_ nameOrPath: String) throws -> LossSource {
        nameOrPath.contains("/") || nameOrPath.hasSuffix(".py")
            ? try LossFile.load(nameOrPath).loss : try LossCatalogue.load(losses).file(named: nameOrPath).loss
    }

    /// The name, if it is that of an embedded world and of nothing that lies here.
    func world(named name: String) -> String? {
        let isHere = FileManager.default.fileExists(atPath: name)
        return !isHere && FileManager.default.fileExists(atPath: "\(worlds)/\(name)/world.json") ? name : nil
    }

    func workerConfiguration(allowUnsandboxed: Bool = false, reachesHub: Bool = false) -> WorkerConfiguration {
        WorkerConfiguration(
            executable: worker, virtualEnvironment: virtualEnvironment, cache: cache, logs: cache + "/logs",
            allowUnsandboxed: allowUnsandboxed, reachesHub: reachesHub)
    }
}

struct ProjectOption: ParsableArguments {
    @Option(name: .long, help: "The LossLab folder (losses, evaluation, runs). Default: here or the nearest above.")
    var project: String?

    /// The folder named, or the nearest one from here upwards that holds losses and worlds.
    func resolve() throws -> Project {
        let manager = FileManager.default
        func isProject(_ path: String) -> Bool {
            manager.fileExists(atPath: path + "/losses") && manager.fileExists(atPath: path + "/evaluation")
        }
        if let project {
            let path = URL(filePath: project).standardizedFileURL.path
            guard isProject(path) else {
                throw ValidationError("\(path) is no LossLab folder: it needs the folders losses and evaluation")
            }
            return Project(root: path)
        }
        var folder = URL(filePath: manager.currentDirectoryPath)
        while true {
            if isProject(folder.path) { return Project(root: folder.path) }
            let parent = folder.deletingLastPathComponent()
            guard parent.path != folder.path else { break }
            folder = parent
        }
        throw ValidationError(
            "no LossLab folder here or above (one with losses and evaluation in it); name it with --project")
    }
}
