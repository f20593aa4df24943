/// What bends a policy's sampling beside the temperature, where the user wants it; what is `nil` bends nothing.
///
/// A checkpoint's own habits never count: two checkpoints of one model would answer by different rules.
public struct SamplingShape: Codable, Sendable, Equatable {
    /// Least probable tokens beyond this share of the probability are never drawn; above 0, 1 at most.
    public var topP: Double?
    /// Only so many of the most probable tokens are drawn.
    public var topK: Int?
    /// Tokens less probable than this share of the most probable one are never drawn.
    public var minP: Double?
    /// Above 1, a token that stands in prompt or answer becomes less probable; for greedy answers too.
    public var repetitionPenalty: Double?

    public init(topP: Double? = nil, topK: Int? = nil, minP: Double? = nil, repetitionPenalty: Double? = nil) {
        self.topP = topP
        self.topK = topK
        self.minP = minP
        self.repetitionPenalty = repetitionPenalty
    }

    /// Itself, or `nil` where it bends nothing.
    public var ifAny: SamplingShape? { self == SamplingShape() ? nil : self }

    /// What of it a greedy answer knows.
    public var ofGreedy: SamplingShape { SamplingShape(repetitionPenalty: repetitionPenalty) }
}
