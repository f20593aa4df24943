import ArgumentParser
import Foundation
import Trainer

/// Which prompts are answered.
struct LabelPromptOptions: ParsableArguments {
    @Option(help: "Column of the prompts. Default: detected from common names (prompt, question, ...).")
    var column: String?

    @Option(help: "Configuration of a Hub data set.")
    var config: String?

    @Option(help: "Split of a data set that has several.")
    var split: String?

    @Option(help: "Branch, tag or commit of a Hub data set.")
    var revision: String?

    @Option(help: "Read the first rows only.")
    var limit: Int?

    @Option(
        help: ArgumentHelp(
            "Keep the first N tokens of each text, or a random N to M.", valueName: "n|n-m")
    )
    var promptTokens: String?

    @Option(help: "Prompts to label, drawn by the seed. Default: all.")
    var count: Int?

    @Option(help: "Reserve N prompts for evaluation; needs --questions.")
    var holdOut: Int?

    @Option(help: "File for the prompts held out, in MT-Bench's question format.", completion: .file())
    var questions: String?

    func validate() throws {
        guard limit ?? 1 >= 1, count ?? 1 >= 1, holdOut ?? 1 >= 1 else {
            throw ValidationError("--limit, --count and --hold-out are whole numbers from 1")
        }
        guard (holdOut == nil) == (questions == nil) else {
            throw ValidationError("--hold-out and --questions go together: how many prompts, and where to")
        }
        _ = try tokens()
    }

    func source(_ path: String) -> DataSource {
        DataSource(
            path: absoluteIfPresent(path), config: config, split: split, revision: revision, limit: limit)
    }

    func fill(_ request: inout LabelRequest) {
        request.column = column
        request.promptTokens = try? tokens()
        request.count = count
        request.heldOut = holdOut ?? 0
        request.questions = questions.map { URL(filePath: $0).standardizedFileURL.path }
    }

    private func tokens() throws -> ClosedRange<Int>? {
        guard let promptTokens else { return nil }
        let ends = promptTokens.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
        guard let first = ends.first ?? nil, let last = ends.last ?? nil, ends.count <= 2, 1 <= first, first <= last
        else { throw ValidationError("--prompt-tokens takes a number of tokens or two, such as 8 or 2-8") }
        return first...last
    }
}

/// How they are answered, and what becomes a pair.
struct LabelAnswerOptions: ParsableArguments {
    enum Pairing: String, ExpressibleByArgument, CaseIterable {
        case bestWorst = "best-worst"
        case all
    }

    @Option(help: "Answers sampled per prompt.")
    var samples = 4

    @Option(help: "Sampling temperature.")
    var temperature = 1.0

    @Option(help: "Longest answer, in tokens.")
    var maxNewTokens = 64

    @Option(help: "best-worst: one pair per prompt; all: one pair of every two answers.")
    var pairing: Pairing = .bestWorst

    @Option(help: "Scores no farther apart than this are a tie.")
    var tieMargin = 0.0

    @Flag(help: "Grade the answer without its prompt.")
    var answerOnly = false

    @Flag(help: "Continue prompts as plain text, whatever chat template the policy has.")
    var plain = false

    @Option(help: "Seed of everything that is drawn.")
    var seed = 1

    @Option(help: "Branch, tag or commit of a Hub policy.")
    var modelRevision: String?

    @Option(help: "auto, float32, bfloat16 or float16.")
    var dtype: String?

    @Option(help: "auto, cpu or cuda.")
    var device: String?

    @Option(help: "Chat template: chatml, zephyr, llama3, gemma, mistral, or a file. Default: the tokenizer's own.")
    var chatTemplate: String?

    @Flag(help: "Use a chat template that looks doubtful.")
    var acceptTemplate = false

    func validate() throws {
        guard samples >= 2, temperature > 0, maxNewTokens >= 1, tieMargin >= 0 else {
            throw ValidationError(
                "--samples is at least 2, --temperature above 0, --max-new-tokens at least 1, --tie-margin not negative"
            )
        }
    }

    func loaded(_ model: String) -> FinetuneModel {
        FinetuneModel(
            path: absoluteIfPresent(model), revision: modelRevision, dtype: dtype, device: device,
            chatTemplate: chatTemplate.map(absoluteIfPresent), acceptTemplate: acceptTemplate)
    }

    func fill(_ request: inout LabelRequest) {
        request.plain = plain
        request.samples = samples
        request.temperature = temperature
        request.maxNewTokens = maxNewTokens
        request.pairing = pairing.rawValue
        request.tieMargin = tieMargin
        request.answerOnly = answerOnly
        request.seed = seed
    }
}
