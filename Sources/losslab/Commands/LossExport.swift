import ArgumentParser
import Foundation
import LabCore
import Trainer

/// `losslab loss export LOSS --to FORM`: the loss as others use it.
struct LossExport: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Write a loss as a TRL trainer, or in DiscoPOP's method form.",
        discussion: """
            trl: one Python file with a subclass of TRL's DPOTrainer and TRL's command line, which runs as it is. \
            discopop: one method with `self.beta`, which `losslab loss import` reads back. Exit code 2 when the loss is \
            rejected, 65 when there is no such loss.
            """)

    @Argument(help: "Catalogue name, loss file, or CAMPAIGN/LOSS of the archive.")
    var loss: String

    @Option(help: "Form to write.")
    var to: Form

    enum Form: String, ExpressibleByArgument, CaseIterable {
        case trl, discopop

        var form: ExportForm { self == .trl ? .trl : .discopop }
    }

    @Option(
        name: [.customShort("o"), .customLong("out")], help: "Where to write it; default: standard output.",
        completion: .file())
    var output: String?

    @Flag(help: "Overwrite the output file.")
    var force = false

    @OptionGroup var projectOption: ProjectOption

    func run() async throws {
        let project = try projectOption.resolve()
        let source = try await readingInput { try await findLoss(loss, in: project) }
        if let output, !force, FileManager.default.fileExists(atPath: output) {
            log("losslab: \(output) exists; name another file or pass --force")
            throw ExitCode.badInput
        }
        let pool = WorkerPool(size: 1, configuration: project.workerConfiguration())
        let outcome = try await orFail { try await PoolExporter(pool: pool).export(source, to: to.form) }
        await pool.close()
        switch outcome {
        case .text(let text):
            guard let output else { return print(text, terminator: "") }
            try readingInput { try writeNamed(text, to: output) }
            log("wrote \(output)")
        case .rejected(let rejection):
            let place = rejection.line.map { " (line \($0))" } ?? ""
            log("losslab: \(source.name) cannot be exported: \(rejection.message)\(place) [\(rejection.code)]")
            throw ExitCode.nothingQualified
        }
    }
}
