import LabCore

/// One step of the program that asks a model: what it reads, how it is asked, what happens when it fails.
///
/// The prompt is made of the keys read and nothing else, so no step sees text that another did not hand it.
public struct ProgramStep: Sendable, Equatable {
    /// What becomes of a reply that cannot be used, after the calls allowed.
    public enum FailurePolicy: String, Codable, Sendable {
        /// The program goes on without this step's result.
        case goOn
        /// The reply itself becomes the candidate, to be rejected with its reason.
        case propose
        /// What was there before stays.
        case keepDraft
    }

    /// How the step is asked and answered.
    public enum Answer: String, Codable, Sendable {
        /// In prose and fenced code.
        case text
        /// As a JSON object.
        case json
        /// As a JSON object of thought, name and code, which a server holds the model to where it can.
        case lossObject
        /// By going on from the prompt's end.
        case completion
    }

    public let name: String
    /// Its prompt file, without `.md`.
    public let prompt: String
    /// Keys of the state, in the order in which the state lists them.
    public let reads: [String]
    /// Highest temperature; the configured one where that is lower.
    public let temperature: Double
    public let answer: Answer
    /// Calls at most for one candidate, further tries after an unusable reply included.
    public let calls: Int
    public let onFailure: FailurePolicy

    init(
        _ name: String, reads: [String], temperature: Double = 2, answer: Answer = .text, calls: Int = 1,
        onFailure: FailurePolicy = .goOn
    ) {
        self.name = name
        prompt = name
        self.reads = reads
        self.temperature = temperature
        self.answer = answer
        self.calls = calls
        self.onFailure = onFailure
    }

    /// The temperature that the step is asked with; `nil` sends none.
    func temperature(within config: ProposingModelConfig) -> Double? {
        config.temperature.map { min(temperature, $0) }
    }

    /// Scores and failures -> lesson, gap, hypothesis.
    public static let analyse = ProgramStep(
        "analyse", reads: ["task", "scores", "failures", "start"], answer: .json, calls: 2)
    /// Hypothesis and a few losses with their code -> a new loss.
    public static let write = ProgramStep(
        "write", reads: ["contract", "hypothesis", "evidence"], calls: 2, onFailure: .propose)
    /// A valid loss and its measured shape -> changes worth making.
    public static let critique = ProgramStep(
        "critique", reads: ["hypothesis", "code", "shape"], temperature: 0.3, answer: .json, onFailure: .keepDraft)
    /// A loss and what is wrong with it -> the loss without that. Sees nothing else.
    public static let repair = ProgramStep(
        "repair", reads: ["contract", "code", "findings"], temperature: 0.7, calls: 3, onFailure: .keepDraft)
    /// Added to a step's messages after a reply that could not be used.
    public static let retry = ProgramStep("retry", reads: ["problem"])

    /// Versions of a loss and the header of the next -> its body.
    public static let complete = ProgramStep(
        "complete", reads: ["versions", "next"], answer: .completion, calls: 3, onFailure: .propose)
    /// The first messages of the paper's loop.
    public static let discopop = ProgramStep(
        "discopop", reads: ["contract", "example", "archive"], answer: .lossObject, calls: 4)
    /// What the paper's loop says after a loss was scored.
    public static let discopopScored = ProgramStep("discopop-scored", reads: ["fitness"])
    /// What it says after one that could not be used.
    public static let discopopRefused = ProgramStep("discopop-refused", reads: ["problem"])

    public static let all = [
        analyse, write, critique, repair, retry, complete, discopop, discopopScored, discopopRefused,
    ]
    /// The steps that can be run alone.
    public static let alone = [analyse, write, critique, repair, complete, discopop]
}
