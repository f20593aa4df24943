import Foundation
import LabCore
import Testing

@testable import Proposer

/// Proposals with values and derivatives by this module's evaluator; `grammar_test.py` runs their code in torch.
struct GrammarFixture: Codable, Equatable {
    struct Entry: Codable, Equatable {
        let name: String
        /// Name of the catalogue loss that this must equal up to offset and scale; absent for a proposal.
        let catalogue: String?
        let text: String
        /// One a point; null where the exact value is not finite.
        let values: [Double]
        /// Four a point: policy chosen, policy rejected, reference chosen, reference rejected.
        let partials: [[Double]]
    }

    let points: [PairPoint]
    let entries: [Entry]

    static let points: [PairPoint] =
        ProbePoints.start.prefix(3) + stride(from: 0, to: 32, by: 2).map { ProbePoints.training[$0] }
        + ProbePoints.extreme.suffix(4)

    static func entry(_ loss: LossExpression, name: String, catalogue: String? = nil, text: String) -> Entry {
        let gradients = points.map { loss.evaluate(at: $0) }
        return Entry(
            name: name, catalogue: catalogue, text: text, values: gradients.map(\.value),
            partials: gradients.map { gradient in (0..<4).map { gradient.partials[$0] } })
    }

    static func made(evolution: Int, random: Int, bestOfN: Int, catalogue: Bool = true, seed: UInt64 = 20)
        -> GrammarFixture
    {
        let known = catalogue ? CatalogueGenomes.exact.sorted { $0.key < $1.key } : []
        let exact = known.map { name, loss in
            let rendering = LossRendering(name: name, title: name, beta: 0.05, parents: [], loss: loss)
            return entry(loss, name: name, catalogue: name, text: rendering.text)
        }
        let proposals =
            Requests.search(evolution, arm: .evolution, seed: seed)
            + Requests.search(random, arm: .random, seed: seed + 1)
            + Requests.search(bestOfN, arm: .bestOfN, seed: seed + 2)
        return GrammarFixture(
            points: points,
            entries: exact
                + proposals.compactMap { proposal in
                    proposal.genome.flatMap { LossExpression(genome: $0) }.map {
                        entry($0, name: proposal.name, text: proposal.text)
                    }
                })
    }
}

@Suite struct GrammarFixtureTests {
    static let path = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Fixtures/grammar/proposals.json")

    /// `LOSSLAB_WRITE_FIXTURES=1 swift test --filter GrammarFixture` writes it anew after a deliberate change.
    @Test func theFixtureForPythonIsWhatTheGrammarRendersToday() throws {
        let made = GrammarFixture.made(evolution: 14, random: 7, bestOfN: 5)
        if ProcessInfo.processInfo.environment["LOSSLAB_WRITE_FIXTURES"] != nil {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            try encoder.encode(made).write(to: Self.path)
        }
        let kept = try JSONDecoder().decode(GrammarFixture.self, from: Data(contentsOf: Self.path))
        #expect(kept.entries.map(\.text) == made.entries.map(\.text))
        #expect(kept.points == made.points)
        for (old, new) in zip(kept.entries, made.entries) {
            for (left, right) in zip(
                old.values + old.partials.flatMap(\.self), new.values + new.partials.flatMap(\.self))
            {
                #expect(abs(left - right) <= 1e-9 * max(1, abs(left)), "\(old.name)")
            }
        }
    }

    /// `LOSSLAB_GRAMMAR_DUMP=FILE` writes three hundred proposals, to be screened outside.
    @Test(.enabled(if: ProcessInfo.processInfo.environment["LOSSLAB_GRAMMAR_DUMP"] != nil))
    func dumpsProposals() throws {
        let path = try #require(ProcessInfo.processInfo.environment["LOSSLAB_GRAMMAR_DUMP"])
        let made = GrammarFixture.made(evolution: 200, random: 50, bestOfN: 50)
        try JSONEncoder().encode(made).write(to: URL(filePath: path))
    }
}
