public import LabCore

/// One loss that a model was asked for outside any campaign, and what became of it.
public struct SampledDraft: Codable, Sendable, Equatable {
    public let number: Int
    /// The last reply, as screening was handed it.
    public let text: String
    public let reply: ReplyContext?
    public let trace: ProposalTrace
    /// Of the last reply.
    public let screening: Screening
    /// The loss that computes the same, of the catalogue or an earlier draft.
    public let twin: String?

    public init(number: Int, proposal: LossProposal, screening: Screening, twin: String?) {
        self.number = number
        text = proposal.text
        reply = proposal.reply
        trace = ProposalTrace(genome: proposal.genome) ?? ProposalTrace(strategy: "unknown")
        self.screening = screening
        self.twin = twin
    }

    /// Accepted by screening as it was first written; a copy of a shown loss is sound too.
    public var isSoundFirst: Bool { isOwnFirst || trace.attempts.first?.isCopy == true }
    /// Accepted by screening as it was first written, and no shown loss word for word.
    public var isOwnFirst: Bool { trace.isSoundFirst }
    /// Accepted by screening in the end, copies too.
    public var isSound: Bool { screening.accepted || screening.rejections.first?.code == "copied" }
    /// Sound in the end by turning its sign alone.
    public var isTurned: Bool { isSound && trace.attempts.last?.step == ProgramRun.turning }
    /// Accepted, and unlike the catalogue and every earlier draft.
    public var isNew: Bool { screening.accepted && twin == nil }
}

/// What a number of drafts of one model in one form amount to.
public struct SampleSummary: Codable, Sendable, Equatable {
    public let model: String
    public let form: String
    public let temperature: Double?
    public let drafts: Int
    /// Copies of a shown loss are counted here and in `sound`.
    public let soundFirst: Proportion
    /// The same without copies.
    public let ownFirst: Proportion
    public let sound: Proportion
    /// Of the drafts those whose sign had to be turned in the end; they are among `sound`.
    public let turned: Proportion
    public let new: Proportion
    /// Mean tokens of a first prompt.
    public let promptTokens: Double
    /// Tokens written for each sound new loss, repairs and failures included; `nil` without one.
    public let writtenTokensPerNew: Double?
    public let readTokensPerNew: Double?
    public let secondsPerNew: Double?
    /// Why first replies were refused: code and how often.
    public let reasons: [String: Int]

    public init(
        _ drafts: [SampledDraft], model: String, form: String, temperature: Double?, exchanges: [Exchange]
    ) {
        self.model = model
        self.form = form
        self.temperature = temperature
        self.drafts = drafts.count
        func share(_ isCounted: (SampledDraft) -> Bool) -> Proportion {
            Proportion(drafts.count(where: isCounted), of: drafts.count)
        }
        soundFirst = share(\.isSoundFirst)
        ownFirst = share(\.isOwnFirst)
        sound = share(\.isSound)
        turned = share(\.isTurned)
        new = share(\.isNew)
        let known = Set(drafts.map(\.number))
        let calls = exchanges.filter { known.contains($0.candidate) }
        let first = calls.filter { $0.call == 1 && $0.step != "analyse" && !$0.step.contains("repair") }
        let replies = first.compactMap(\.reply)
        promptTokens = Double(replies.map(\.usage.promptTokens).reduce(0, +)) / Double(max(1, replies.count))
        let all = calls.compactMap(\.reply)
        let count = Double(new.count)
        func each(_ total: Double) -> Double? { count > 0 ? total / count : nil }
        writtenTokensPerNew = each(Double(all.map(\.usage.completionTokens).reduce(0, +)))
        readTokensPerNew = each(Double(all.map { $0.usage.promptTokens - $0.usage.cachedTokens }.reduce(0, +)))
        secondsPerNew = each(all.map(\.seconds).reduce(0, +))
        reasons = drafts.compactMap { $0.trace.attempts.first?.findings.first?.code }
            .reduce(into: [:]) { $0[$1, default: 0] += 1 }
    }
}
