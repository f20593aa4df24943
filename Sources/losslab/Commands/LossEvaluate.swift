public import ArgumentParser
import CampaignRunner
import Evolution
import Foundation
import LabConfig
public import LabCore
import Trainer

/// `losslab loss evaluate NAME...`: train with it, grade the answers, print the score with its standard error.
struct LossEvaluate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evaluate",
        abstract: "Train a small policy with losses, sample and grade its answers, print scores with standard errors.",
        discussion: """
            Every loss is tried at every learning rate and beta of the world's grid with the first seed; the best \
            settings go on to all seeds, and the best of them is reported. Finished trials are kept and reused.
            """)

    @Argument(help: "Catalogue names or loss files.")
    var losses: [String] = []

    @Flag(help: "Evaluate the whole catalogue.")
    var catalogue = false

    @Option(help: "World to train and score in; `losslab evaluation list` shows them.")
    var world = "base"

    @Option(help: "Training seeds, separated by commas.")
    var seeds = "1,2,3"

    @Option(name: .customLong("lr"), help: "Only this learning rate instead of the world's grid.")
    var learningRate: Double?

    @Option(help: "Only this beta instead of the world's grid.")
    var beta: Double?

    @Option(help: "Preference pairs per trial.")
    var pairs = 1024

    @Option(help: "Pool of preference pairs: search or confirmation.")
    var pool: PairPool = .search

    @Option(help: "Questions to score on: search or heldOut.")
    var questions: QuestionSet = .search

    @Option(help: "Trainer processes side by side.")
    var workers = ProcessInfo.processInfo.activeProcessorCount

    @Flag(help: "Leave out the untrained policy's scores.")
    var skipUntrained = false

    @Flag(help: "Run generated code even where the kernel lacks Landlock or seccomp.")
    var allowUnsandboxed = false

    @OptionGroup var projectOption: ProjectOption
    @OptionGroup var formatOption: FormatOption

    func validate() throws {
        guard catalogue != !losses.isEmpty else {
            throw ValidationError("name losses to evaluate, or pass --catalogue")
        }
        guard pairs >= 16 else { throw ValidationError("--pairs must be at least one batch of 16") }
        guard workers >= 1 else { throw ValidationError("--workers must be at least 1") }
        _ = try seedList()
    }

    func run() async throws {
        let project = try projectOption.resolve()
        let sources = try readingInput {
            catalogue ? try LossCatalogue.load(project.losses).losses : try losses.map { try project.loss($0) }
        }
        let laboratory = try await readingInput {
            try await Laboratory(
                project: project, worlds: [world], workers: workers, allowUnsandboxed: allowUnsandboxed)
        }
        let report = try await orFail { try await evaluate(sources, in: laboratory) }
        await laboratory.pool.close()
        switch formatOption.format {
        case .json: try printJSON(report)
        case .table: print(report.text)
        }
        if report.losses.allSatisfy({ $0.score == nil }) { throw ExitCode.nothingQualified }
    }

    private func evaluate(_ sources: [LossSource], in laboratory: Laboratory) async throws -> EvaluationReport {
        let description = try laboratory.world(world)
        let seeds = try seedList()
        let grid = SettingGrid(
            learningRates: learningRate.map { [$0] } ?? description.grid.learningRates,
            betas: beta.map { [$0] } ?? description.grid.betas)
        let config = TuningConfig(grid: grid, pairs: pairs, proxySeeds: Array(seeds.prefix(1)), fullSeeds: seeds)
        let progress = ProgressLine()
        let screened = try await screen(sources, by: laboratory.screener)
        let evaluation = LossEvaluation(
            tuning: Tuning(config: config, grid: grid, world: world, pairPool: pool, questionSet: questions),
            trials: laboratory.trials, identity: laboratory.identity, cache: laboratory.cache, workers: workers,
            events: progress.handle)
        let sound = screened.filter { $0.rejection == nil }.map(\.loss)
        let results = try await evaluation.evaluate(sound)
        progress.finish()
        var untrained: [UntrainedScore] = []
        if !skipUntrained {
            untrained = try await UntrainedScore.measure(
                in: description, questions: questions, seeds: seeds, pool: laboratory.pool)
        }
        return EvaluationReport(
            world: world, pool: pool, questions: questions, seeds: seeds, untrained: untrained,
            results: Array(zip(sound, results)),
            refused: screened.compactMap { row in
                row.rejection.map { (row.loss, $0) }
            })
    }

    /// Nothing is trained with a loss that screening refuses; a control may be trained whatever it says.
    private func screen(
        _ sources: [LossSource], by screener: PoolScreener
    ) async throws -> [(loss: LossSource, rejection: Rejection?)] {
        var rows: [(LossSource, Rejection?)] = []
        for source in sources {
            let screening = try await screener.screen(source.text, name: source.name)
            let refusal = screening.accepted || source.isControl ? nil : screening.rejections.first
            rows.append((source, refusal))
        }
        return rows
    }

    private func seedList() throws -> [Int] {
        let values = seeds.split(separator: ",").map { Int($0.trimmingCharacters(in: .whitespaces)) }
        let numbers = values.compactMap { $0 }
        guard !numbers.isEmpty, numbers.count == values.count, Set(numbers).count == numbers.count else {
            throw ValidationError("--seeds takes different whole numbers separated by commas, such as 1,2,3")
        }
        return numbers
    }
}

extension PairPool: ExpressibleByArgument {}
extension QuestionSet: ExpressibleByArgument {}
