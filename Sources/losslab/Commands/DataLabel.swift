import ArgumentParser
import Foundation
import LabCore
import Trainer

/// `losslab data label PROMPTS --model POLICY --judge JUDGE --out PAIRS`: pairs without an API.
struct DataLabel: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "label",
        abstract: "Make preference pairs: a policy answers prompts, a model here grades the answers.",
        discussion: """
            PROMPTS is any source that `losslab data inspect` reads, or a text file with a prompt a line. Each prompt is \
            answered several times; the best and the worst answer become a pair with their scores. Answers with the same \
            text or the same score make no pair and are counted. A policy without chat template continues its prompts as \
            they stand, and prompt and continuation are graded as one text. The same seed on the same machine gives the \
            same pairs. Exit code 2 when no pairs were produced, 65 when prompts, policy or judge cannot be used.
            """)

    @Argument(help: "File, folder or Hub id with the prompts.", completion: .file())
    var prompts: String

    @Option(help: "Policy that answers: a folder in Hugging Face layout or a Hub id.", completion: .directory)
    var model: String

    @Option(help: "Who grades: reward-model:FOLDER or classifier:FOLDER:LABEL. FOLDER may be a Hub id.")
    var judge: String

    @Option(
        name: [.customShort("o"), .customLong("out")], help: "File for the pairs, one JSON object a line.",
        completion: .file())
    var output: String

    @OptionGroup(title: "Prompts") var choice: LabelPromptOptions
    @OptionGroup(title: "Answers") var answering: LabelAnswerOptions
    @OptionGroup var projectOption: ProjectOption
    @OptionGroup var formatOption: FormatOption

    func validate() throws {
        guard let form = RerunQuestionOptions.scoringModel(judge) else {
            throw ValidationError("--judge is reward-model:FOLDER or classifier:FOLDER:LABEL")
        }
        guard !judge.hasPrefix("classifier:") || form.label != nil else {
            throw ValidationError("a classifier needs the class that counts: --judge classifier:FOLDER:LABEL")
        }
    }

    func run() async throws {
        let project = try projectOption.resolve()
        let request = try readingInput {
            try freeFile(output)
            try choice.questions.map(freeFile)
            return try self.request()
        }
        let pool = WorkerPool(
            size: 1, configuration: project.workerConfiguration(allowUnsandboxed: true, reachesHub: true))
        let outcome = try await orFail { try await PoolLabeller(pool: pool).label(request) }
        await pool.close()
        switch outcome {
        case .unusable(let problem):
            log("losslab: \(problem)")
            throw ExitCode.badInput
        case .labelled(let labelled):
            switch formatOption.format {
            case .json: try printJSON(labelled)
            case .table: print(LabelText(labelled: labelled, output: output, questions: choice.questions).text)
            }
            if labelled.pairs == 0 {
                log("losslab: no pairs were produced; raise --samples or --temperature")
                throw ExitCode.nothingQualified
            }
        }
    }

    private func request() throws -> LabelRequest {
        let form = RerunQuestionOptions.scoringModel(judge)
        var request = LabelRequest(
            model: answering.loaded(model), judge: absoluteIfPresent(form?.path ?? ""), label: form?.label,
            prompts: choice.source(prompts), output: URL(filePath: output).standardizedFileURL.path)
        choice.fill(&request)
        answering.fill(&request)
        return request
    }

    /// Refuses a place that could not be written, or where something is.
    private func freeFile(_ path: String) throws {
        let folder = URL(filePath: path).deletingLastPathComponent().path
        guard !FileManager.default.fileExists(atPath: path) else {
            throw ValidationError("\(path) exists; remove it or name another file")
        }
        guard FileManager.default.isWritableFile(atPath: folder) else {
            throw ValidationError("\(path) cannot be written: there is no folder \(folder) that may be written to")
        }
    }
}

/// What was made, for people.
struct LabelText {
    let labelled: LabelledPairs
    let output: String
    let questions: String?

    var text: String {
        var lines = [
            "\(output): \(labelled.pairs) pairs (\(labelled.layout)) of \(labelled.prompts) prompts and "
                + "\(labelled.answers) answers",
            "no pair: \(labelled.ties) ties, \(labelled.identical) identical; \(labelled.emptyAnswers) answers without text",
            "policy's mean score: \(figure(labelled.score)) (\(labelled.unit))",
        ]
        if let margin = labelled.margin { lines.append("chosen less rejected: \(figure(margin))") }
        if labelled.cutAnswers > 0 {
            lines.append(
                "\(labelled.cutAnswers) answers hit --max-new-tokens; training on them teaches early stopping"
            )
        }
        if !labelled.dropped.isEmpty {
            let reasons = labelled.dropped.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }
            lines.append("rows not used: \(reasons.joined(separator: ", "))")
        }
        lines += labelled.notes
        if let questions, labelled.heldOut > 0 { lines.append("\(questions): \(labelled.heldOut) other prompts") }
        return lines.joined(separator: "\n")
    }

    private func figure(_ mean: LabelledPairs.Mean) -> String {
        decimal(mean.value) + (mean.standardError.map { " ± " + decimal($0) } ?? "")
    }
}
