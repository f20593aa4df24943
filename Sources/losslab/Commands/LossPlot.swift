import ArgumentParser
import Foundation
import LabConfig
import LabCore
import Trainer

/// `losslab loss plot NAME... --out FILE`: a loss and its slope over rho, with the data's margins behind.
struct LossPlot: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plot", abstract: "Draw losses and their slopes over rho, with the margins of real pairs behind.",
        discussion: """
            Trains once with each loss and shows where its training pairs end up. Where a loss depends on more than rho, \
            thin lines show other ways to the same rho. Exit code 2 when a loss is rejected, 65 for bad input.
            """)

    /// As many as there are colours to tell apart.
    private static let mostLosses = 8

    @Argument(help: "Catalogue names or loss files.")
    var losses: [String]

    @OptionGroup var picture: PictureOptions

    @Option(help: "World to train in; `losslab evaluation list` shows them.")
    var world = "base"

    @Option(help: "Beta of the curves and the training. Default: what each loss's header recommends.")
    var beta: Double?

    @Option(
        name: .customLong("lr"), help: "Learning rate of the training. Default: the middle one of the world's grid.")
    var learningRate: Double?

    @Option(help: "Seed of the training.")
    var seed = 1

    @Option(help: "Preference pairs of the training.")
    var pairs = 1024

    @Option(help: "Show rho from minus this to this. Default: wherever pairs are.")
    var range: Double?

    @Flag(help: "Draw the curves alone, without training.")
    var noData = false

    @Flag(help: "Run generated code even where the kernel lacks Landlock or seccomp.")
    var allowUnsandboxed = false

    @OptionGroup var projectOption: ProjectOption

    func validate() throws {
        guard losses.count <= Self.mostLosses else {
            throw ValidationError("one picture holds \(Self.mostLosses) losses at most")
        }
        guard pairs >= 16 else { throw ValidationError("--pairs must be at least one batch of 16") }
        for (option, value) in [("--beta", beta), ("--lr", learningRate), ("--range", range)] {
            guard value.map({ $0 > 0 && $0.isFinite }) ?? true else {
                throw ValidationError("\(option) must be greater than 0")
            }
        }
    }

    func run() async throws {
        let project = try projectOption.resolve()
        let file = try picture.file()
        let sources = try readingInput { try losses.map { try project.loss($0) } }
        let request = try readingInput { try plotRequest(in: project) }
        let configuration = project.workerConfiguration(allowUnsandboxed: allowUnsandboxed)
        let pool = WorkerPool(size: 1, configuration: configuration)
        let outcome = try await orFail {
            try await PoolPlotter(pool: pool).plot(sources, as: request, picture: file?.ending)
        }
        await pool.close()
        switch outcome {
        case .rejected(let rejection):
            let place = rejection.line.map { " (line \($0))" } ?? ""
            log("losslab: \(rejection.message)\(place) [\(rejection.code)]")
            throw ExitCode.nothingQualified
        case .plotted(let plot, let drawn):
            if let file, let drawn {
                try readingInput { try file.write(drawn) }
                log("wrote \(file.path)")
            }
            if picture.format == .json { try printJSON(plot) }
        }
    }

    private func plotRequest(in project: Project) throws -> PlotRequest {
        let world = noData ? nil : try WorldCatalogue.load(project.worlds).world(named: world)
        let rates = world?.grid.learningRates.sorted() ?? []
        return PlotRequest(
            world: world, beta: beta, learningRate: learningRate ?? (rates.isEmpty ? 0 : rates[rates.count / 2]),
            seed: seed, pairs: pairs, range: range)
    }
}
