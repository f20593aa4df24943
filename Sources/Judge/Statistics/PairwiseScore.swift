import LabCore

/// How a model fares against a baseline: the raw win rate, the one at equal length, and Arena-Hard's.
public struct PairwiseScore: Codable, Sendable {
    public let model: String
    public let baseline: String
    public let judge: String
    /// Questions with at least one verdict.
    public let questions: Int
    public let games: Int
    /// Mean over questions; a tie counts one half, and so do two orders that contradict each other.
    public let winRate: Double?
    public let winRateStandardError: Double?
    public let winRateInterval: [Double]?
    public let lengthControlledWinRate: Double?
    public let lengthControlledInterval: [Double]?
    /// Weight of the length term; positive where longer answers win.
    public let lengthEffect: Double?
    /// Win probability by Bradley-Terry strengths, clear wins counted three times: Arena-Hard's score, 0 to 1.
    public let bradleyTerryWinRate: Double?
    public let bradleyTerryInterval: [Double]?
    /// Share of decided games that the answer shown first won; 0.5 for a judge that does not mind the order.
    public let firstPlaceShare: Double?
    /// Share of questions with two verdicts in which both orders favour the same side or both are ties.
    public let ordersAgree: Double?
    /// Mean characters of the model's and the baseline's answers.
    public let meanLength: Double
    public let baselineMeanLength: Double
    /// Questions that were never compared, because an answer was marked as failed.
    public let failedAnswers: Int
    public let unparsed: Int
    public let unparsedReasons: [String: Int]
    public let cost: Double?
    public let promptTokens: Int
    public let completionTokens: Int
    public let flagged: Int
    public let flags: [JudgeScore.FlaggedAnswer]
    /// Samples of the questions behind the intervals of the last two rates.
    public let bootstrapSamples: Int

    /// - Parameters:
    ///   - rows: one model against one baseline, a row a question.
    ///   - seed: of the bootstrap, so that the same rows give the same intervals.
    public init(
        of rows: [PairRow], notes: [CallNote] = [], failedAnswers: Int = 0, bootstrapSamples: Int = 1000,
        seed: UInt64 = 1
    ) {
        self.failedAnswers = failedAnswers
        let judged = rows.filter { $0.value != nil }
        model = rows.first?.model ?? ""
        baseline = rows.first?.baseline ?? ""
        judge = rows.first?.judge ?? ""
        questions = judged.count
        games = rows.reduce(0) { $0 + $1.games.count }
        let mean = estimate(of: judged.compactMap(\.value))
        winRate = mean?.mean
        winRateStandardError = mean?.standardError
        winRateInterval = mean?.interval().map { [max(0, $0.lowerBound), min(1, $0.upperBound)] }
        let outcomes = judged.map(Outcome.init)
        let control = Outcome.control(outcomes)
        lengthControlledWinRate = control?.winRate
        lengthEffect = control?.phi
        bradleyTerryWinRate = Outcome.bradleyTerry(outcomes)
        var generator = SeededGenerator(seed: seed, stream: 0x70616972)
        var controlled: [Double] = []
        var strengths: [Double] = []
        if outcomes.count > 1 {
            for _ in 0..<bootstrapSamples {
                let sample = outcomes.map { _ in outcomes[Int(generator.next() % UInt64(outcomes.count))] }
                if let rate = Outcome.control(sample)?.winRate { controlled.append(rate) }
                if let rate = Outcome.bradleyTerry(sample) { strengths.append(rate) }
            }
        }
        lengthControlledInterval = percentileInterval(controlled)
        bradleyTerryInterval = percentileInterval(strengths)
        let decided = rows.flatMap { row in row.games.compactMap(\.score) }.map(\.valueOfA).filter { $0 != 0.5 }
        firstPlaceShare = decided.isEmpty ? nil : decided.reduce(0, +) / Double(decided.count)
        let both = rows.map { $0.values.compactMap { $0 } }.filter { $0.count == 2 }
        ordersAgree = both.isEmpty ? nil : Double(both.count { $0[0] == $0[1] }) / Double(both.count)
        let count = Double(max(rows.count, 1))
        meanLength = rows.reduce(0) { $0 + Double($1.lengths[0]) } / count
        baselineMeanLength = rows.reduce(0) { $0 + Double($1.lengths[1]) } / count
        unparsed = rows.reduce(0) { $0 + $1.games.count { $0.score == nil } }
        unparsedReasons = notes.compactMap(\.unparsed).reduce(into: [:]) { $0[$1.rawValue, default: 0] += 1 }
        cost = notes.isEmpty ? nil : totalCost(notes.map(\.cost))
        promptTokens = total(notes.map(\.promptTokens))
        completionTokens = total(notes.map(\.completionTokens))
        flags = notes.filter { !$0.flags.isEmpty }.map {
            JudgeScore.FlaggedAnswer(questionID: $0.questionID, turn: $0.turn, flags: $0.flags)
        }
        flagged = flags.count
        self.bootstrapSamples = strengths.count
    }
}

/// What one question adds to the rates.
private struct Outcome {
    let value: Double
    let difference: Double
    /// Weighted wins of the model and of the baseline.
    let won: Double
    let lost: Double

    init(_ row: PairRow) {
        value = row.value ?? 0.5
        difference = Double(row.lengths[0] - row.lengths[1])
        var (won, lost) = (0.0, 0.0)
        for (game, value) in zip(row.games, row.values) {
            guard let verdict = game.score, let value else { continue }
            won += value * verdict.weight
            lost += (1 - value) * verdict.weight
        }
        self.won = won
        self.lost = lost
    }

    static func control(_ outcomes: [Outcome]) -> LengthControl? {
        LengthControl(outcomes.map { ($0.value, $0.difference) })
    }

    static func bradleyTerry(_ outcomes: [Outcome]) -> Double? {
        guard !outcomes.isEmpty else { return nil }
        let won = outcomes.reduce(0) { $0 + $1.won }
        let lost = outcomes.reduce(0) { $0 + $1.lost }
        return bradleyTerryStrengths(wins: [[0, lost], [won, 0]])[1].map(sigmoid)
    }
}

/// The middle 95 % of bootstrap values, by linear interpolation.
func percentileInterval(_ values: [Double]) -> [Double]? {
    guard values.count > 1 else { return nil }
    let sorted = values.sorted()
    return [0.025, 0.975].map { share in
        let position = share * Double(sorted.count - 1)
        let low = Int(position)
        let high = min(low + 1, sorted.count - 1)
        return sorted[low] + (position - Double(low)) * (sorted[high] - sorted[low])
    }
}
