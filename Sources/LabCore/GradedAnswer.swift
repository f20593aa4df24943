/// One dialogue of a trained policy with its grades: what a score is made of, for people to read.
public struct GradedAnswer: Codable, Sendable, Equatable {
    public let questionID: Int
    /// `sampled` or `greedy`.
    public let decoding: String
    public let sample: Int
    /// The policy's answers, by turn.
    public let turns: [String]
    /// Their scores, 1-10; `nil` where the judge gave none.
    public let scores: [Double?]
    /// The judge's own words, or a rubric's values, by turn.
    public let explanations: [String]

    public init(
        questionID: Int, decoding: String, sample: Int, turns: [String], scores: [Double?], explanations: [String]
    ) {
        self.questionID = questionID
        self.decoding = decoding
        self.sample = sample
        self.turns = turns
        self.scores = scores
        self.explanations = explanations
    }

    /// Answers and their judgments put together, in the order of the answers.
    public static func pairing(_ answers: [Answer], with judgments: [Judgment], decoding: String) -> [GradedAnswer] {
        struct Place: Hashable {
            let question, sample, turn: Int
        }
        let graded = Dictionary(
            judgments.map { (Place(question: $0.questionID, sample: $0.sample, turn: $0.turn), $0) },
            uniquingKeysWith: { $1 })
        return answers.flatMap { answer in
            answer.samples.enumerated().map { sample, turns in
                let own = turns.indices.map { graded[Place(question: answer.questionID, sample: sample, turn: $0)] }
                return GradedAnswer(
                    questionID: answer.questionID, decoding: decoding, sample: sample, turns: turns,
                    scores: own.map { $0?.score }, explanations: own.map { $0?.explanation ?? "" })
            }
        }
    }
}
