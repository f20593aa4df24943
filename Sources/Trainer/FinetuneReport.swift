import Foundation
public import LabCore

/// What became of one training of a real model.
public enum FinetuneOutcome: Codable, Sendable, Equatable {
    case trained(FinetuneReport)
    /// The loss showed itself unusable, or the training diverged.
    case rejected(Rejection)
    /// Model, data or settings cannot be used; why, in a sentence.
    case unusable(String)
}

/// One finished training, with every held-out pair.
public struct FinetuneReport: Codable, Sendable, Equatable {
    /// Final metrics under TRL's names.
    public let metrics: [String: Double]
    public let steps: Int
    public let heldOut: [HeldOutPair]
    /// Tokens an answer, against the untrained model's; `nil` where no question was asked.
    public let lengthChange: Estimate?
    /// KL to the reference over the policy's own answers, nats an answer; `nil` where none were sampled for it.
    public let sampledKL: Estimate?
    /// Answers by sampling name.
    public let answers: [String: [Answer]]
    /// Pairs trained on, rows that could not be, and pairs of which something was cut.
    public let pairs: Int
    public let unusable: Int
    public let truncated: Int
    public let tokensPerSecond: Double?
    public let seconds: [String: Double]
    public let weights: String?
    public let weightsHash: String?
    public let device: String?
    public let dtype: String?
    /// The sandbox layers under which the loss ran.
    public let sandboxLayers: [String]
    public let notes: [String]
}

/// Log-probabilities of one held-out pair, nats summed over the completion.
public struct HeldOutPair: Codable, Sendable, Equatable {
    /// Number in the held-out source, from 0.
    public let row: Int
    /// The same for all pairs with the same prompt.
    public let prompt: String
    /// Of the answers as they were scored: what truncation cut does not count.
    public let chosenTokens: Int
    public let rejectedTokens: Int
    public let policyChosenLogps: Double
    public let policyRejectedLogps: Double
    public let referenceChosenLogps: Double
    public let referenceRejectedLogps: Double

    public init(
        row: Int, prompt: String, chosenTokens: Int, rejectedTokens: Int, policyChosenLogps: Double,
        policyRejectedLogps: Double, referenceChosenLogps: Double, referenceRejectedLogps: Double
    ) {
        self.row = row
        self.prompt = prompt
        self.chosenTokens = chosenTokens
        self.rejectedTokens = rejectedTokens
        self.policyChosenLogps = policyChosenLogps
        self.policyRejectedLogps = policyRejectedLogps
        self.referenceChosenLogps = referenceChosenLogps
        self.referenceRejectedLogps = referenceRejectedLogps
    }

    static func read(_ path: String) throws -> [HeldOutPair] {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw TrainerError.badAnswers(path: path, reason: "the file cannot be read")
        }
        let decoder = JSONDecoder()
        return try data.split(separator: UInt8(ascii: "\n")).enumerated().map { index, line in
            do { return try decoder.decode(HeldOutPair.self, from: Data(line)) } catch let error as DecodingError {
                throw TrainerError.badAnswers(path: path, reason: "line \(index + 1): \(error.sentence)")
            }
        }
    }
}
