import ArgumentParser
import ChatClient
import Foundation
import Judge
import LabCore

/// `losslab judge pairwise`: answers compared with a baseline's in both orders, Arena-Hard style.
struct JudgePairwise: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pairwise",
        abstract: "Compare answers with a baseline's, both orders, five-step verdicts (Arena-Hard).",
        discussion: """
            The suite's folder holds question.jsonl and judge_config.yaml (system_prompt, prompt_template). Rates are \
            given raw, at equal length, and by Bradley-Terry strengths with clear wins counted three times. Resumable.
            """)

    @OptionGroup var suiteOption: SuiteOption

    @Option(
        help: "Answers in FastChat's or Arena-Hard's layout; may be given several times.",
        completion: .file(extensions: ["jsonl"]))
    var answers: [String]

    @Option(help: "The baseline's answers.", completion: .file(extensions: ["jsonl"]))
    var baseline: String

    @OptionGroup var judgeOptions: JudgeModelOptions

    @Option(name: .shortAndLong, help: "Folder for the judgments.", completion: .directory)
    var out: String

    @Option(help: "Samples of the questions for the intervals.")
    var bootstrap = 1000

    @OptionGroup var formatOption: FormatOption

    func validate() throws {
        guard !answers.isEmpty else { throw ValidationError("name at least one answer file with --answers") }
        guard bootstrap >= 100 else { throw ValidationError("--bootstrap must be 100 or more") }
    }

    func run() async throws {
        let scores = try await judging {
            let suite = try PairwiseSuite(folder: try suiteOption.folder())
            let rival = try ModelAnswers.read(baseline)
            let models = try answers.map { try ModelAnswers.read($0) }
            guard Set(models.map(\.model) + [rival.model]).count == models.count + 1 else {
                throw JudgeError(.mismatch, "two of the answer files have the same name; names tell models apart")
            }
            let grader = PairwiseGrader(
                suite: suite, service: try judgeOptions.client(suiteOption.projectOption),
                settings: judgeOptions.settings(suiteTokens: suite.prompt.maxTokens))
            let run = PairwiseRun(folder: out, grader: grader)
            var scores: [PairwiseScore] = []
            for model in models {
                let outcome = try await run.run(
                    model, against: rival, progress: judgingProgress("questions of \(model.model)"))
                scores.append(
                    PairwiseScore(
                        of: outcome.rows, notes: outcome.notes, failedAnswers: outcome.failedAnswers,
                        bootstrapSamples: bootstrap))
            }
            return scores.sorted { ($0.bradleyTerryWinRate ?? 0) > ($1.bradleyTerryWinRate ?? 0) }
        }
        switch formatOption.format {
        case .json: try printJSON(scores)
        case .table: print(Self.table(scores))
        }
        judgeOptions.remark(cost: scores.reduce(0) { sum, score in sum.flatMap { sum in score.cost.map { sum + $0 } } })
        guard scores.contains(where: { $0.winRate != nil }) else {
            log("losslab: no judgment has a verdict; see the files in \(out)")
            throw ExitCode.failure
        }
    }

    private static func table(_ scores: [PairwiseScore]) -> String {
        func percent(_ value: Double?) -> String { value.map { decimal($0 * 100, 1) } ?? "—" }
        func range(_ bounds: [Double]?) -> String { bounds.map { "\(percent($0[0]))-\(percent($0[1]))" } ?? "—" }
        var table = TextTable([
            "model", "win %", "95 %", "equal length %", "95 %", "Arena-Hard %", "95 %", "first place %", "chars",
            "unparsed",
            "flagged",
        ])
        for score in scores {
            table.add([
                score.model, percent(score.winRate), range(score.winRateInterval),
                percent(score.lengthControlledWinRate),
                range(score.lengthControlledInterval), percent(score.bradleyTerryWinRate),
                range(score.bradleyTerryInterval), percent(score.firstPlaceShare), decimal(score.meanLength, 0),
                "\(score.unparsed)", "\(score.flagged)",
            ])
        }
        guard let first = scores.first else { return table.text }
        return table.text
            + "\n\nagainst \(first.baseline) (\(decimal(first.baselineMeanLength, 0)) characters) by \(first.judge), "
            + "\(first.questions) questions; first place: how often the answer shown first won"
            + scores.filter { $0.failedAnswers > 0 }.map {
                "\n\($0.failedAnswers) questions left out for \($0.model): an answer is marked as failed ($ERROR$)"
            }.joined()
    }
}
