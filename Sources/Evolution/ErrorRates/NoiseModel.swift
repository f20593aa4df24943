/// How scores vary from trial to trial: what the error-rate simulation draws from.
///
/// A question score is the loss's true score at the setting, plus the question's difficulty, plus a seed effect (partly
/// shared by all losses), plus how the loss suits the question, plus the noise of sampled answers.
public struct NoiseModel: Codable, Sendable, Equatable {
    /// Standard deviation of question difficulty. Measured in the embedded worlds: about 2 on the 1-10 scale.
    public var questionSpread = 2.0
    /// Standard deviation over seeds of one loss's mean over 80 questions. Measured .08-.12 for the plausible losses.
    public var seedSpread = 0.10
    /// Correlation of two losses' seed effects, drawn per campaign. Measured .3-.85; .5 gives the measured paired .10.
    public var seedCorrelation = 0.3...0.85
    /// Standard deviation over questions of how much better one loss suits a question than another, the same for every
    /// seed, for each of the two losses. Not measured by the study; an assumption on the large side.
    public var lossQuestionSpread = 0.4
    /// Standard deviation of one question's score from trial to trial, two turns of four samples. It is part of
    /// `seedSpread`, which with the largest correlation leaves at most .35 for it.
    public var answerSpread = 0.35
    /// Questions over which `seedSpread` was measured.
    public var measuredQuestions = 80

    public init() {}

    /// Seed effect that all losses of a campaign share.
    func sharedSeedSpread(correlation: Double) -> Double { seedSpread * correlation.squareRoot() }

    /// Seed effect of one loss and setting alone: what is left when shared part and answer noise are taken out.
    func ownSeedSpread(correlation: Double) -> Double {
        let answers = answerSpread * answerSpread / Double(measuredQuestions)
        return max(0, seedSpread * seedSpread * (1 - correlation) - answers).squareRoot()
    }
}
