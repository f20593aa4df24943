import ArgumentParser
import ChatClient
import Foundation
import Judge
import LabCore

/// `losslab judge calibrate`: how noisy a judge is, and which gaps its suite can resolve.
struct JudgeCalibrate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "calibrate", abstract: "How noisy a judge is, and how large a gap its suite can resolve.",
        discussion: """
            With judgment files alone nothing is asked: their scatter over questions, their paired differences, and \
            requests that were judged more than once say it. With --suite, --answers, --judge and --out a part of the \
            answers is judged twice, without any cache.
            """)

    @Argument(help: "Judgment files in FastChat's layout, or folders of `losslab judge run`.", completion: .file())
    var files: [String] = []

    @Option(help: "Judge anew: the suite, a name under evaluation/ or a folder.", completion: .directory)
    var suite: String?

    @Option(help: "Judge anew: the answer file.", completion: .file(extensions: ["jsonl"]))
    var answers: String?

    @Option(help: "Judge anew: how many questions, spread evenly over the suite.")
    var questions = 20

    @Option(name: .shortAndLong, help: "Judge anew: folder for the two sets of judgments.", completion: .directory)
    var out: String?

    @Option(help: "Judge anew: the judging model.")
    var judge: String?

    @OptionGroup var server: JudgeServerOptions
    @OptionGroup var projectOption: ProjectOption
    @OptionGroup var formatOption: FormatOption

    func validate() throws {
        let anew = [suite, answers, judge, out]
        guard anew.allSatisfy({ $0 == nil }) || anew.allSatisfy({ $0 != nil }) else {
            throw ValidationError("judging anew takes all of --suite, --answers, --judge and --out")
        }
        guard !files.isEmpty || suite != nil else {
            throw ValidationError("name judgment files, or --suite, --answers, --judge and --out to judge anew")
        }
        guard files.isEmpty || suite == nil else {
            throw ValidationError("either judgment files or judging anew, not both")
        }
        guard server.cache == nil else { throw ValidationError("judging twice must ask twice: leave out --cache") }
        guard questions >= 2 else { throw ValidationError("--questions must be 2 or more") }
    }

    func run() async throws {
        let calibration = try await judging {
            if let suite, let answers, let judge, let out {
                return try await judgeTwice(suite, answers, judge, out)
            }
            let read = try files.map { try JudgmentRow.read(try judgmentFile($0)) }
            // The same model in two files: its scores come from the first, its repeats from both.
            var rows: [JudgmentRow] = []
            var seen: Set<String> = []
            for file in read {
                let models = rowsByModel(file)
                for model in models.keys.sorted() where seen.insert(model).inserted { rows += models[model] ?? [] }
            }
            return try JudgeCalibration(of: rows, repeats: repeatedRatings(in: read))
        }
        switch formatOption.format {
        case .json: try printJSON(calibration)
        case .table: print(Self.story(calibration))
        }
    }

    private func judgeTwice(_ suite: String, _ answers: String, _ judge: String, _ out: String) async throws
        -> JudgeCalibration
    {
        let folder = suite.contains("/") ? suite : try projectOption.resolve().suite(named: suite)
        let whole = try MTBenchSuite(folder: folder)
        let part = whole.sample(questions)
        let modelAnswers = try ModelAnswers.read(answers)
        let client = try server.client(for: judge, projectOption)
        let settings = server.settings(of: judge, step: "calibrate")
        var rounds: [[JudgmentRow]] = []
        for round in ["first", "second"] {
            let grader = SingleGrader(suite: part, service: client, settings: settings)
            let outcome = try await SingleRun(folder: "\(out)/\(round)", grader: grader).run(
                modelAnswers, progress: judgingProgress("judged, \(round) time"))
            rounds.append(outcome.rows)
        }
        return try JudgeCalibration(
            of: rounds[0], repeats: repeatedRatings(in: rounds), questionsOfSuite: whole.questions.count)
    }

    private static func story(_ calibration: JudgeCalibration) -> String {
        var table = TextTable(["measured", "value"])
        table.add(["models", "\(calibration.models)"])
        table.add(["questions a score", "\(calibration.questions)"])
        table.add(["standard deviation of question means", decimal(calibration.sdOfQuestionMeans, 2)])
        table.add(["standard error of a score", decimal(calibration.scoreStandardError, 2)])
        table.add(["correlation of a question's two turns", cell(calibration.correlationOfTurns)])
        table.add(["paired standard error of a difference", cell(calibration.differenceStandardError)])
        table.add(["correlation of two models over questions", cell(calibration.correlationOfModels)])
        var lines = [table.text, ""]
        if let noise = calibration.rejudging {
            lines.append(
                "Judged more than once: \(noise.requests) requests; the same rating again "
                    + "\(decimal(noise.identical * 100, 0)) %, within one point \(decimal(noise.withinOne * 100, 0)) %. "
                    + "One rating scatters by \(decimal(noise.sdOfOneRating, 2)) about the judge's own mean, a whole score "
                    + "by \(decimal(noise.standardErrorOfScore, 2)).")
        } else {
            lines.append(
                "No request was judged more than once, so the judge's own noise is not known from these files.")
        }
        let source =
            calibration.pairedErrorMeasured
            ? "the median over \(calibration.pairs) pairs of models"
            : "one model alone; how alike two models' questions are was taken from MT-Bench's published judgments"
        lines.append(
            "A difference of \(decimal(calibration.resolvableGap, 2)) or more is significant at 95 %; a true gap of "
                + "\(decimal(calibration.resolvableGapAt80Power, 2)) is found four times in five (from \(source)).")
        for gap in [0.1, 0.2, 0.5] {
            if let needed = calibration.resolution.questionsNeeded(toResolve: gap) {
                lines.append(
                    "To find a gap of \(decimal(gap, 1)) four times in five it would take \(needed) questions.")
            }
        }
        return lines.joined(separator: "\n")
    }
}
