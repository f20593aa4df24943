import ArgumentParser
import Foundation
import LabConfig
import LabCore

/// The catalogue with the scores of a world's published evidence, as a campaign would have it before its search.
///
/// Read from `evaluation/microbench/evidence/WORLD.json`; a mean over three search seeds, at each loss's best setting.
struct ScoredCatalogue {
    private struct Evidence: Decodable {
        struct Loss: Decodable {
            struct Search: Decodable {
                let t07: [Double]
                let greedy: [Double]
            }
            let name: String
            let learningRate: Double
            let beta: Double
            let search: Search
        }
        let losses: [Loss]
    }

    let snapshot: ArchiveSnapshot

    /// - Parameter screenings: of catalogue losses by name; their fingerprints tell copies from new losses.
    init(world: String, project: Project, screenings: [String: Screening]) throws {
        let path = "\(project.worlds)/evidence/\(world).json"
        guard let data = FileManager.default.contents(atPath: path),
            let evidence = try? JSONDecoder().decode(Evidence.self, from: data)
        else {
            throw ValidationError(
                "\(path) cannot be read; --world is one of the embedded worlds (`losslab evaluation list`)")
        }
        let scores = Dictionary(evidence.losses.map { ($0.name, $0) }) { first, _ in first }
        let losses = try LossCatalogue.load(project.losses).losses
        snapshot = ArchiveSnapshot(
            candidates: losses.enumerated().map { index, loss in
                let screening = screenings[loss.name]
                let tuned = scores[loss.name].flatMap { Self.tuned($0) }
                return Candidate(
                    id: CandidateID(-1 - index), arm: .catalogue, generation: 0,
                    proposal: LossProposal(name: loss.name, text: loss.text, operation: "catalogue"), source: loss,
                    fingerprint: screening?.fingerprint, shape: screening?.shape, status: .scored(.full), tuned: tuned)
            })
    }

    private static func tuned(_ loss: Evidence.Loss) -> TunedScore? {
        guard let score = estimate(of: loss.search.t07), let greedy = estimate(of: loss.search.greedy) else {
            return nil
        }
        return TunedScore(
            setting: Setting(learningRate: loss.learningRate, beta: loss.beta), score: score, greedy: greedy, kl: nil,
            fidelity: .full, table: [], greedyTable: [], seeds: Array(1...loss.search.t07.count), trials: 0,
            onGridEdge: false)
    }
}
