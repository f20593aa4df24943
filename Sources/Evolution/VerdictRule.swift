public import LabCore

/// How a campaign ends, decided from fresh seeds, fresh pairs and held-out questions alone.
///
/// - `discovery`: some finalist beats *every* confirmed catalogue loss. Its p-value is the largest of its comparisons (an
///   intersection-union test: to be better than the best, it must be better than each), and Holm's correction runs over
///   the finalists. Without a true improvement at most `level` of campaigns end so, however many losses take part.
/// - `beats DPO only`: the same against DPO alone, with Holm over the finalists.
/// - `no discovery`: neither.
///
/// Each of the two claims holds its error rate by itself. A finalist that could not be trained with some of the seeds
/// beats nothing. The transfer world is compared in the same way and reported, but decides nothing: a loss that suits one
/// kind of data is a result even where it does not suit another.
public struct VerdictRule: Sendable {
    public let level: Double
    /// The loss that `beats DPO only` speaks of.
    public let baseline: String

    public init(level: Double = 0.05, baseline: String = "dpo") {
        self.level = level
        self.baseline = baseline
    }

    /// The verdict in `world`, with the comparisons in every other world that the scores name beside it.
    ///
    /// Of several winners the one with the largest lead over the loss that it exceeds the least is named.
    public func confirmation(
        finalists: [ConfirmedScore], catalogue: [ConfirmedScore], world: String
    ) -> Confirmation {
        let deciding = contest(finalists, catalogue, in: world)
        var otherWorlds: [String] = []
        for score in finalists + catalogue where score.world != world && !otherWorlds.contains(score.world) {
            otherWorlds.append(score.world)
        }
        let elsewhere = otherWorlds.map { contest(finalists, catalogue, in: $0) }
        let beaters = deciding.rows.filter { $0.beatsAll(at: level) }
        let dpoBeaters = deciding.rows.filter { $0.beatsBaseline(at: level) }
        let verdict: Verdict = beaters.isEmpty ? (dpoBeaters.isEmpty ? .noDiscovery : .beatsDPOOnly) : .discovery
        let winner =
            beaters.max { $0.leastLead < $1.leastLead }
            ?? dpoBeaters.max { $0.leastLeadOverBaseline < $1.leastLeadOverBaseline }
        let story = VerdictStory(
            verdict: verdict, winner: winner, deciding: deciding, elsewhere: elsewhere, rule: self)
        return Confirmation(
            verdict: verdict, winner: winner?.finalist.name, scores: finalists + catalogue,
            comparisons: ([deciding] + elsewhere).flatMap { $0.rows.flatMap(\.comparisons) }, summary: story.sentences)
    }

    /// All finalists against all catalogue losses of one world.
    func contest(_ finalists: [ConfirmedScore], _ catalogue: [ConfirmedScore], in world: String) -> Contest {
        Contest(
            world: world, finalists: finalists.filter { $0.world == world },
            catalogue: catalogue.filter { $0.world == world }, baseline: baseline)
    }
}
