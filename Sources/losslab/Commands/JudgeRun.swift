import ArgumentParser
import ChatClient
import Foundation
import Judge
import LabCore

/// `losslab judge run`: single-answer grading of an answer file, as FastChat does it.
struct JudgeRun: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Grade an answer file, one answer at a time, from 1 to 10 (MT-Bench).",
        discussion: """
            Writes JUDGE_single.jsonl in FastChat's layout and calls.jsonl (tokens, cost, flags) to --out. A run that was \
            interrupted goes on where it ended: what is judged is not asked again.
            """)

    @OptionGroup var suiteOption: SuiteOption

    @Option(help: "Answers in FastChat's layout (model_answer/NAME.jsonl).", completion: .file(extensions: ["jsonl"]))
    var answers: String

    @Option(help: "The answering model's name. Default: the answer file's.")
    var model: String?

    @OptionGroup var judgeOptions: JudgeModelOptions

    @Option(name: .shortAndLong, help: "Folder for the judgments.", completion: .directory)
    var out: String

    @OptionGroup var formatOption: FormatOption

    func run() async throws {
        let report = try await judging {
            let suite = try MTBenchSuite(folder: try suiteOption.folder())
            let modelAnswers = try ModelAnswers.read(answers, model: model)
            let grader = SingleGrader(
                suite: suite, service: try judgeOptions.client(suiteOption.projectOption),
                settings: judgeOptions.settings())
            let run = SingleRun(folder: out, grader: grader)
            let outcome = try await run.run(modelAnswers, progress: judgingProgress("judged"))
            let categories = Dictionary(uniqueKeysWithValues: suite.questions.map { ($0.id, $0.category) })
            return SingleReport(
                score: JudgeScore(
                    of: outcome.rows, notes: outcome.notes, categories: categories, failedAnswers: outcome.failedAnswers
                ),
                suite: suite.name,
                judgments: run.judgments, reused: outcome.reused)
        }
        switch formatOption.format {
        case .json: try printJSON(report)
        case .table: print(report.table)
        }
        judgeOptions.remark(cost: report.score.cost)
        guard report.score.score != nil else {
            log("losslab: no judgment has a rating; see \(report.judgments)")
            throw ExitCode.failure
        }
    }
}

/// A score with where it came from.
struct SingleReport: Encodable {
    let score: JudgeScore
    let suite: String
    let judgments: String
    let reused: Int

    enum CodingKeys: String, CodingKey {
        case suite, judgments, reused, score, fastChatScore, turn1, turn2, standardError, cost
    }

    /// What may be absent is written as null, so that the keys are always the same.
    func encode(to encoder: any Encoder) throws {
        try score.encode(to: encoder)
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(suite, forKey: .suite)
        try container.encode(judgments, forKey: .judgments)
        try container.encode(reused, forKey: .reused)
        for (key, value) in [
            (CodingKeys.score, score.score), (.fastChatScore, score.fastChatScore), (.turn1, score.turn1),
            (.turn2, score.turn2),
            (.standardError, score.standardError), (.cost, score.cost),
        ] {
            try container.encode(value, forKey: key)
        }
    }

    var table: String {
        var table = TextTable(["", "score", "±"])
        table.add([score.model, cell(score.score), cell(score.standardError)])
        table.add(["turn 1", cell(score.turn1), ""])
        table.add(["turn 2", cell(score.turn2), ""])
        for (category, value) in score.categories.sorted(by: { $0.key < $1.key }) {
            table.add([category, cell(value), cell(score.categoryStandardErrors[category])])
        }
        var lines = [table.text, ""]
        let bounds = score.interval.map { ", 95 % interval \(decimal($0[0], 2)) to \(decimal($0[1], 2))" } ?? ""
        lines.append("\(score.questions) questions, \(score.ratings) ratings by \(score.judge)\(bounds)")
        if let own = score.fastChatScore, abs(own - (score.score ?? .infinity)) > 1e-9 {
            lines.append(
                "FastChat's own mean is \(decimal(own, 2)): it counts every number in brackets, in thoughts and off the scale too"
            )
        }
        if score.failedAnswers > 0 {
            lines.append("\(score.failedAnswers) answers left out: the answer file marks them as failed ($ERROR$)")
        }
        if score.unparsed > 0 {
            let reasons = score.unparsedReasons.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }
            lines.append("without a rating: \(reasons.joined(separator: ", "))")
        }
        if score.flagged > 0 {
            var counts: [String: Int] = [:]
            for flag in score.flags.flatMap(\.flags) { counts[flag.rawValue, default: 0] += 1 }
            let kinds = counts.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }
            lines.append("\(score.flagged) flagged: \(kinds.joined(separator: ", "))")
        }
        if let cost = score.cost { lines.append("cost \(decimal(cost, 4)) US dollars") }
        lines.append("judgments in \(judgments)" + (reused > 0 ? ", \(reused) of them from before" : ""))
        return lines.joined(separator: "\n")
    }
}
