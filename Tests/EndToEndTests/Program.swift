import Foundation
import Testing

/// The built `losslab` program in a LossLab folder of its own: the repository's losses and worlds, runs of its own.
struct Program {
    let folder: URL

    struct Outcome {
        let code: Int32
        let output: String
        let errors: String

        func json<Value: Decodable>(_ type: Value.Type = Value.self) throws -> Value {
            try JSONDecoder().decode(Value.self, from: Data(output.utf8))
        }
    }

    static let repository = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    /// Beside the test bundle, where the build puts all products.
    static let products: URL = {
        let test = URL(filePath: CommandLine.arguments[0]).resolvingSymlinksInPath()
        return test.deletingLastPathComponent()
    }()

    static var hasPython: Bool {
        FileManager.default.fileExists(atPath: repository.appending(path: ".venv/pyvenv.cfg").path)
    }

    /// Whether this user may mount a file system in a namespace of its own.
    static let canMount: Bool = {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/unshare")
        process.arguments = ["-rm", "sh", "-c", "mount -t tmpfs tmpfs /mnt"]
        process.standardError = FileHandle.nullDevice
        guard (try? process.run()) != nil else { return false }
        process.waitUntilExit()
        return process.terminationStatus == 0
    }()

    init() throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "losslab-e2e-\(UUID().uuidString)")
        let manager = FileManager.default
        try manager.createDirectory(at: folder.appending(path: "runs"), withIntermediateDirectories: true)
        for part in ["losses", "evaluation"] {
            try manager.createSymbolicLink(
                at: folder.appending(path: part), withDestinationURL: Self.repository.appending(path: part))
        }
    }

    func remove() { try? FileManager.default.removeItem(at: folder) }

    /// Writes a file below the folder and returns its path.
    func write(_ text: String, to name: String) throws -> String {
        let file = folder.appending(path: name)
        try FileManager.default.createDirectory(
            at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: file)
        return file.path
    }

    func start(
        _ arguments: [String], environment: [String: String] = [:], output: URL, errors: URL
    ) throws -> Process {
        try start(Self.products.appending(path: "losslab"), arguments, environment, output: output, errors: errors)
    }

    /// Runs shell commands where mounting is allowed and seen by them alone; the program's path is in `LOSSLAB`.
    func shell(_ commands: String, environment: [String: String] = [:]) throws -> Outcome {
        let (output, errors) = (folder.appending(path: "shell.out"), folder.appending(path: "shell.err"))
        let process = try start(
            URL(filePath: "/usr/bin/unshare"), ["-rm", "sh", "-c", commands],
            environment.merging(["LOSSLAB": Self.products.appending(path: "losslab").path]) { $1 }, output: output,
            errors: errors)
        process.waitUntilExit()
        return Outcome(
            code: process.terminationStatus, output: try String(contentsOf: output, encoding: .utf8),
            errors: try String(contentsOf: errors, encoding: .utf8))
    }

    private func start(
        _ executable: URL, _ arguments: [String], _ environment: [String: String], output: URL, errors: URL
    ) throws -> Process {
        let process = Process()
        process.executableURL = executable
        process.arguments = arguments
        process.currentDirectoryURL = folder
        var variables = ProcessInfo.processInfo.environment
        variables["LOSSLAB_VENV"] = Self.repository.appending(path: ".venv").path
        variables["LOSSLAB_WORKER"] = Self.products.appending(path: "losslab-worker").path
        variables.merge(environment) { $1 }
        process.environment = variables
        for file in [output, errors] { try Data().write(to: file) }
        process.standardOutput = try FileHandle(forWritingTo: output)
        process.standardError = try FileHandle(forWritingTo: errors)
        process.standardInput = FileHandle.nullDevice
        try process.run()
        return process
    }

    /// Runs a command to its end.
    func run(_ arguments: String..., environment: [String: String] = [:]) throws -> Outcome {
        try run(arguments, environment: environment)
    }

    func run(_ arguments: [String], environment: [String: String] = [:]) throws -> Outcome {
        let name = UUID().uuidString
        let output = folder.appending(path: "\(name).out")
        let errors = folder.appending(path: "\(name).err")
        let process = try start(arguments, environment: environment, output: output, errors: errors)
        process.waitUntilExit()
        return Outcome(
            code: process.terminationStatus, output: try String(contentsOf: output, encoding: .utf8),
            errors: try String(contentsOf: errors, encoding: .utf8))
    }
}

extension Tag {
    /// Needs the virtual environment with torch.
    @Tag static var python: Self
    /// Trains.
    @Tag static var slow: Self
}
