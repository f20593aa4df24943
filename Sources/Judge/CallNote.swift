import ChatClient
import LabCore

/// Why a judgment has no score.
public enum UnparsedReason: String, Codable, Sendable, CaseIterable {
    /// The judge said something, but gave no rating or verdict.
    case noRating
    /// The reply was cut off by the token limit before any rating.
    case cutOff
    case emptyJudgment
    /// The judge refused to judge; that is no score.
    case refusal
    /// The request failed, also when it was tried again.
    case apiError
    /// Too long for the judge even after cutting.
    case contextOverflow

    /// Why a reply without a rating has none.
    init(_ reply: ChatReply) {
        if reply.choices.first?.finish == .refusal || soundsLikeRefusal(reply.text) {
            self = .refusal
        } else if !reply.text.contains(where: { !$0.isWhitespace }) {
            self = .emptyJudgment
        } else if reply.choices.first?.finish == .length {
            self = .cutOff
        } else {
            self = .noRating
        }
    }

    init(_ error: ChatError) {
        switch error.kind {
        case .contentRefused: self = .refusal
        case .contextOverflow: self = .contextOverflow
        default: self = .apiError
        }
    }
}

/// Whether a reply without a rating opens as models open a refusal.
func soundsLikeRefusal(_ text: String) -> Bool {
    let opening = text.prefix(200).lowercased().replacing("\u{2019}", with: "'")
    let phrases = [
        "i'm sorry", "i am sorry", "i can't", "i cannot", "i won't", "i will not", "i'm unable", "i am unable",
        "i'm not able", "i am not able", "i must decline", "as an ai",
    ]
    return phrases.contains { opening.contains($0) }
}

/// What one request to a judge took and what was unusual about it: a row of `calls.jsonl` or `pairwise_calls.jsonl`.
///
/// Kept beside the judgments, whose rows hold FastChat's fields and nothing else.
public struct CallNote: Codable, Sendable, Equatable {
    public let questionID: QuestionID
    public let model: String
    /// In pairwise judging, whose answers the model's were compared with.
    public let baseline: String?
    public let judge: String
    /// 1 or 2; in pairwise judging the game, 1 with the baseline first.
    public let turn: Int
    public let flags: [AnswerFlag]
    public let unparsed: UnparsedReason?
    /// What the server or the client said, for a request that failed.
    public let error: String?
    public let promptTokens: Int
    public let completionTokens: Int
    /// US dollars; `nil` when the model has no price in the table.
    public let cost: Double?
    public let attempts: Int
    /// SHA-256 of the whole prompt, where a shorter one was sent.
    public let uncutPrompt: String?

    init(
        question: QuestionID, model: String, baseline: String? = nil, judge: String, turn: Int, flags: [AnswerFlag],
        unparsed: UnparsedReason?, replies: [ChatReply], error: String? = nil, uncutPrompt: String? = nil
    ) {
        self.uncutPrompt = uncutPrompt
        questionID = question
        self.model = model
        self.baseline = baseline
        self.judge = judge
        self.turn = turn
        self.flags = flags
        self.unparsed = unparsed
        self.error = error
        promptTokens = replies.reduce(0) { $0 + $1.usage.promptTokens }
        completionTokens = replies.reduce(0) { $0 + $1.usage.completionTokens }
        cost = totalCost(replies.map(\.cost))
        attempts = replies.reduce(0) { $0 + $1.attempts }
    }
}

/// The sum, or `nil` when a part of it is unknown.
func totalCost(_ costs: [Double?]) -> Double? {
    costs.reduce(0) { sum, cost in sum.flatMap { sum in cost.map { sum + $0 } } }
}

extension ChatError {
    /// Whether no other request to this judge can succeed either.
    var endsTheRun: Bool {
        switch kind {
        case .refusedKey, .unknownModel, .budgetReached, .cancelled, .configuration: true
        default: false
        }
    }

    /// As a campaign understands it: the end of all asking where it is that, else itself.
    var asStageError: any Error {
        switch kind {
        case .budgetReached: ModelHalt(.budget, message)
        case .refusedKey, .unknownModel, .configuration: ModelHalt(.misconfigured, message)
        default: self
        }
    }
}
