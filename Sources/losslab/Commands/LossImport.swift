import ArgumentParser
import Foundation
import LabCore
import Trainer

/// `losslab loss import FILE`: any published or emitted form becomes a loss file.
struct LossImport: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import", abstract: "Turn a loss in the published method form, or any other, into a loss file.")

    @Argument(help: "File with one loss; - reads standard input.")
    var file: String

    @Option(help: "Name of the loss: lower-case letters, digits, _ and -. Default: the function's name.")
    var name: String?

    @Option(help: "Title for the header.")
    var title: String?

    @Option(help: "Paper and equation for the header.")
    var reference: String?

    @Option(help: "Recommended beta for the header.")
    var beta: Double?

    @Option(
        name: [.customShort("o"), .customLong("out")],
        help: "Where to write the loss file; its folder is made. Default: standard output.")
    var output: String?

    @Flag(help: "Overwrite the output file.")
    var force = false

    @OptionGroup var projectOption: ProjectOption

    func run() async throws {
        let project = try projectOption.resolve()
        let text = try readingInput { try LossCheck.text(of: file) }
        if let output, !force, FileManager.default.fileExists(atPath: output) {
            log("losslab: \(output) exists; name another file or pass --force")
            throw ExitCode.badInput
        }
        var header: [String: String] = [:]
        header["name"] = name
        header["title"] = title
        header["reference"] = reference
        header["beta"] = beta.map(compact)
        let pool = WorkerPool(size: 1, configuration: project.workerConfiguration())
        let outcome = try await orFail { try await PoolScreener(pool: pool).fileForm(of: text, header: header) }
        await pool.close()
        switch outcome {
        case .file(let source, let removed, let rewritten):
            for text in removed { log("left out: \(text)") }
            for text in rewritten { log("read otherwise: \(text)") }
            guard let output else { return print(source, terminator: "") }
            try readingInput { try writeNamed(source, to: output) }
            log("wrote \(output)")
        case .rejected(let rejection):
            log("losslab: \(file) holds no usable loss: \(rejection.code): \(rejection.message)")
            throw ExitCode.nothingQualified
        }
    }
}
