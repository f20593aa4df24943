import ChatClient
import LabCore

/// Why a judgment has no score.
public enum UnparsedReason: String, Codable, Sendable, CaseIterable {
    /// The judge said something, but gave no rating or verdict.
    case noRating
    /// The reply was cut off by the token limit before any rating. It is asked for again when the run is taken up.
    case cutOff
    /// The judge was still thinking when its reply ended; also asked again.
    case unendedThoughts
    /// The number is not between 1 and 10.
    case outOfRange
    /// The judge only repeats a mark that stands in the answer.
    case repeatsAnswer
    case emptyJudgment
    /// The judge refused to judge; that is no score.
    case refusal
    /// The request failed, also when it was tried again.
    case apiError
    /// Too long for the judge even after cutting.
    case contextOverflow

    /// Why a reply without a rating has none.
    init(_ reply: ChatReply) {
        let spoken = SpokenText(of: reply.text)
        if reply.choices.first?.finish == .refusal {
            self = .refusal
        } else if spoken.isUnended {
            self = .unendedThoughts
        } else if reply.choices.first?.finish == .length {
            self = .cutOff
        } else if spoken.text.allSatisfy(\.isWhitespace) {
            self = .emptyJudgment
        } else if soundsLikeRefusal(spoken.text) {
            self = .refusal
        } else {
            self = .noRating
        }
    }

    /// Whether the same request may bring a judgment when it is made again, such as with a higher limit.
    var isAskedAgain: Bool {
        switch self {
        case .cutOff, .unendedThoughts, .emptyJudgment, .apiError: true
        case .noRating, .outOfRange, .repeatsAnswer, .refusal, .contextOverflow: false
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
        promptTokens = total(replies.map(\.usage.promptTokens))
        completionTokens = total(replies.map(\.usage.completionTokens))
        cost = totalCost(replies.map(\.cost))
        attempts = total(replies.map(\.attempts))
    }
}

/// The sum of counts, some of them from files that anyone may have written: it stays at the end of the numbers.
func total(_ counts: [Int]) -> Int {
    counts.reduce(0) { sum, count in
        let (next, passed) = sum.addingReportingOverflow(count)
        return passed ? (count > 0 ? .max : .min) : next
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
