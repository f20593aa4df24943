import ArgumentParser
import Foundation
import LabCore
import Trainer

/// Grid, seeds, and the hyper-parameters that all losses share.
struct RerunTrainingOptions: ParsableArguments {
    @Option(help: "Betas, separated by commas; every loss is tried at each.")
    var beta = "0.05,0.1"

    @Option(name: .customLong("lr"), help: "Learning rates. Default: 5e-7,2e-6, or 1e-5,5e-5 with --lora.")
    var learningRates: String?

    @Option(help: "Training seeds, separated by commas; settings are chosen with the first.")
    var seeds = "1,2,3"

    @Option(help: "Passes over the pairs.")
    var epochs = 1

    @Option(help: "Pairs per step, which the loss sees at once.")
    var batchSize = 16

    @Option(help: "Pairs in memory at once. Default: what fits. Changes the result by rounding (shows in bfloat16).")
    var microBatch: Int?

    @Option(help: "Stop after N steps.")
    var maxSteps: Int?

    @Option(help: "cosine, linear or constant. Default: cosine.")
    var schedule: String?

    @Option(help: "Longest prompt and answer together, in tokens. Default: 1024.")
    var maxLength: Int?

    @Option(help: "Longest prompt, in tokens.")
    var maxPromptLength: Int?

    enum Trainer: String, ExpressibleByArgument, CaseIterable { case losslab, trl }

    @Option(help: "losslab, or trl: the loss inside TRL's DPOTrainer.")
    var trainer: Trainer = .losslab

    func validate() throws {
        guard epochs >= 1, batchSize >= 1, microBatch ?? 1 >= 1, maxSteps ?? 1 >= 1, maxLength ?? 1 >= 1,
            maxPromptLength ?? 1 >= 1
        else { throw ValidationError("epochs, sizes, steps and lengths are whole numbers from 1") }
        _ = try seedList()
        _ = try grid(lora: false)
    }

    func seedList() throws -> [Int] {
        let values = seeds.split(separator: ",").map { Int($0.trimmingCharacters(in: .whitespaces)) }
        let numbers = values.compactMap { $0 }
        guard !numbers.isEmpty, numbers.count == values.count, Set(numbers).count == numbers.count else {
            throw ValidationError("--seeds takes different whole numbers separated by commas, such as 1,2,3")
        }
        return numbers
    }

    /// In rising order, so that of equal settings the gentler one is taken.
    func grid(lora: Bool) throws -> SettingGrid {
        SettingGrid(
            learningRates: try Self.numbers(learningRates ?? (lora ? "1e-5,5e-5" : "5e-7,2e-6"), option: "--lr"),
            betas: try Self.numbers(beta, option: "--beta"))
    }

    private static func numbers(_ text: String, option: String) throws -> [Double] {
        let values = text.split(separator: ",").map { Double($0.trimmingCharacters(in: .whitespaces)) }
        let numbers = values.compactMap { $0 }.filter { $0 > 0 && $0.isFinite }
        guard !numbers.isEmpty, numbers.count == values.count else {
            throw ValidationError("\(option) takes numbers above 0 separated by commas, such as 0.05,0.1")
        }
        return Set(numbers).sorted()
    }
}

/// What trained models are asked, and who grades their answers.
struct RerunQuestionOptions: ParsableArguments {
    @Option(
        help: "Questions in MT-Bench's format that every trained model answers. Repeat for more.", completion: .file())
    var questions: [String] = []

    @Option(help: "Answers sampled per question.")
    var samples = 1

    @Option(help: "Sampling temperature; 0 is greedy.")
    var temperature = 0.7

    @OptionGroup var shape: SamplingShapeOptions

    @Option(help: "Longest answer, in tokens.")
    var maxNewTokens = 512

    @Option(
        help: "Suite whose questions are answered and graded: a name under evaluation/, such as mt_bench, or a folder.")
    var suite: String?

    @Option(
        help: "Who grades the answers: reward-model:FOLDER, classifier:FOLDER:LABEL, or with --suite a chat model.")
    var judge: String?

    @Option(name: .customLong("base-url"), help: "The judge's server, such as http://localhost:11434/v1.")
    var baseURL: String?

    @Option(help: "Environment variable with the judge's key.")
    var keyEnv: String?

    @OptionGroup var wait: WaitOptions

    func validate() throws {
        guard samples >= 1, maxNewTokens >= 1, temperature >= 0 else {
            throw ValidationError("--samples and --max-new-tokens are numbers from 1, --temperature from 0")
        }
        let isChat = judge.map { Self.scoringModel($0) == nil } ?? false
        guard suite == nil || judge != nil, !isChat || suite != nil else {
            throw ValidationError("--suite and --judge go together: whose questions, and who grades the answers")
        }
        guard judge == nil || suite != nil || !questions.isEmpty else {
            throw ValidationError("--judge has nothing to grade: name questions with --questions or --suite")
        }
        if let judge, judge.hasPrefix("classifier:"), Self.scoringModel(judge)?.label == nil {
            throw ValidationError("a classifier needs the class that counts: --judge classifier:FOLDER:LABEL")
        }
    }

    /// The model of `reward-model:FOLDER` or `classifier:FOLDER:LABEL`; `nil` for a chat model's name.
    static func scoringModel(_ judge: String) -> (path: String, label: String?)? {
        if judge.hasPrefix("reward-model:") { return (String(judge.dropFirst("reward-model:".count)), nil) }
        guard judge.hasPrefix("classifier:") else { return nil }
        let rest = judge.dropFirst("classifier:".count)
        guard let colon = rest.lastIndex(of: ":") else { return (String(rest), nil) }
        return (String(rest[..<colon]), String(rest[rest.index(after: colon)...]))
    }
}
