/// What the starting policy scores without any training, so that mere sharpening is not taken for learning.
public struct UntrainedScore: Codable, Sendable, Equatable {
    /// `T=0.7`, `greedy`, ...
    public let decoding: String
    /// Mean judge score, 1-10, over sampling seeds and questions.
    public let score: Double
    public let standardError: Double

    public init(decoding: String, score: Double, standardError: Double) {
        self.decoding = decoding
        self.score = score
        self.standardError = standardError
    }
}
