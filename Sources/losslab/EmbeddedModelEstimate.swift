import Foundation
import LabConfig
import LabCore
import LocalModels

/// What a campaign's own language model takes of this machine, and what it leaves to the trainings.
struct EmbeddedModelEstimate: Codable {
    let model: String
    /// Resident while the campaign runs, also while nothing is written.
    let memoryBytes: Int
    /// Threads while a generation is written; none while it is trained.
    let cores: Int
    let slots: Int
    /// Tokens of prompt and reply together, in each slot.
    let context: Int
    /// Bytes to be fetched first; 0 where the file is here.
    let missingBytes: Int
    /// Seconds of a reply of 100 tokens, where the speed was measured; `speedBasis` says on what.
    let secondsPerDraft: Double?
    let speedBasis: String?
    /// Why it cannot run here, as one sentence.
    let shortage: String?

    /// About as long as a written loss.
    private static let draftTokens = 100.0

    /// `nil` for a campaign that asks no model of the lab's own.
    init?(of config: CampaignConfig) throws {
        guard let proposer = config.proposer.model, let name = proposer.endpoint.embedded else { return nil }
        let catalogue = try ModelCatalogue.load()
        let known = try catalogue.model(named: name)
        let options = try EmbeddedModels.options(for: proposer.endpoint, contextTokens: proposer.contextTokens)
        model = name
        memoryBytes = known.memory(slots: options.slots, context: options.context)
        cores = options.threads
        slots = options.slots
        context = options.context
        missingBytes = catalogue.has(known) ? 0 : known.bytes
        secondsPerDraft = known.tokensPerSecond.map { Self.draftTokens / $0 }
        speedBasis = known.speedBasis
        shortage =
            MachineRoom.current(folder: catalogue.folder).shortage(
                of: known, slots: options.slots, context: options.context,
                besides: config.workers * CampaignEstimate.assumedWorkerBytes, isFetched: catalogue.has(known))?.message
    }

    var notes: [String] {
        let fetch = missingBytes > 0 ? ", and \(gigabytes(missingBytes)) are fetched first" : ""
        let speed =
            secondsPerDraft.map {
                "a loss of 100 tokens takes about \(decimal($0, 0)) s (measured on \(speedBasis ?? "another machine")), not counted above"
            }
            ?? "how fast it writes was not measured, and is not counted above"
        return [
            "memory reserved for \(model): \(gigabytes(memoryBytes)), \(slots) replies at a time of \(context) tokens\(fetch)",
            "cores by turns: \(model) has all \(cores) while a generation is written, the trainings have them all afterwards; "
                + "an idle model uses none",
            speed,
        ] + (shortage.map { ["it cannot run here: \($0)"] } ?? [])
    }
}
