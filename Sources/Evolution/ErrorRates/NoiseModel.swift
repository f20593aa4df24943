/// How scores vary from trial to trial: what the error-rate simulation draws from.
///
/// A question score is the loss's true score at the setting, plus the question's difficulty, plus a seed effect (partly
/// shared by all losses), plus how the loss suits the question, plus the noise of sampled answers.
///
/// "Measured" is: dpo, apo_zero, kto_pair, slic and rpo in the base world at learning rate 5e-4 and beta .02, six seeds,
/// confirmation pairs, 160 held-out questions. "The feasibility study" is an earlier one of another, similar world.
public struct NoiseModel: Codable, Sendable, Equatable {
    /// Standard deviation of question difficulty. Measured .7-.85.
    public var questionSpread = 0.8
    /// Standard deviation over seeds of one loss's mean over 80 questions. Measured .04-.13; the feasibility study .08-.12.
    public var seedSpread = 0.10
    /// Correlation of two losses' seed effects, drawn per campaign. The feasibility study found .3-.85, here .76-.99; the
    /// wider range is the harder one. At .5 the paired standard deviation over seeds is the study's .10 (here .01-.10).
    public var seedCorrelation = 0.3...0.85
    /// Standard deviation over questions of how much better one loss suits a question than another, the same for every
    /// seed, for each of the two losses. Measured .02-.12 among five good losses.
    public var lossQuestionSpread = 0.12
    /// Standard deviation of one question's score from trial to trial beyond what two losses share, for each of them.
    /// Measured .21-.38, two turns of four samples. It is part of `seedSpread`, which leaves at most .35 for it.
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
