import Foundation
import LabCore
import LabTesting
import Testing

@testable import Proposer

@Suite struct EvidenceTests {
    private static func shaped(_ candidate: Candidate, _ words: [String]) throws -> Candidate {
        let shape = try JSONDecoder().decode(
            LossShape.self,
            from: JSONSerialization.data(withJSONObject: [
                "referenceFree": false, "dependsOnlyOnRho": true, "betaOnlyScalesRho": true, "batchCoupled": false,
                "batchCoupling": 0, "monotone": "decreasing", "convex": true, "words": words,
            ]))
        return Candidate(
            id: candidate.id, arm: candidate.arm, generation: 1, proposal: candidate.proposal, source: candidate.source,
            fingerprint: candidate.fingerprint, shape: shape, status: candidate.status, tuned: candidate.tuned)
    }

    @Test func scoresComeWithTheirErrorAndTheDifferenceFromDPO() throws {
        let text = EvidenceText(
            ArchiveSnapshot(candidates: [
                Example.candidate(-1, "dpo", mean: 6), Example.candidate(1, "better", mean: 6.75),
            ])
        ).scores
        #expect(text.contains("- better: score 6.750 ± ") && text.contains("from dpo +0.750 ± "))
        #expect(text.contains("- dpo: score 6.000 ± ") && text.contains("the loss that all are compared with"))
    }

    @Test func differencesWithinNoiseAreSaidToBeNoise() {
        func noisy(_ number: Int, _ name: String, _ table: [[Double]]) -> Candidate {
            let base = Example.candidate(number, name, mean: 6)
            let score = CrossedScores(table)?.estimate ?? Estimate(mean: 0, standardError: nil, count: 0)
            let tuned = TunedScore(
                setting: Setting(learningRate: 0.001, beta: 0.05), score: score, greedy: score, kl: nil,
                fidelity: .full,
                table: table, greedyTable: table, seeds: [1, 2, 3], trials: 3, onGridEdge: false)
            return Candidate(
                id: base.id, arm: base.arm, generation: 1, proposal: base.proposal, source: base.source,
                fingerprint: nil, shape: nil, status: .scored(.full), tuned: tuned)
        }
        let dpo = noisy(-1, "dpo", [[6, 5, 7, 6], [6, 6, 6, 6], [5, 7, 6, 6]])
        let lucky = noisy(1, "lucky", [[7, 5, 6, 6], [5, 7, 6, 7], [6, 6, 6, 6]])
        let better = noisy(2, "better", [[8, 7, 9, 8], [8, 8, 8, 8], [7, 9, 8, 8]])
        let tied = EvidenceText(ArchiveSnapshot(candidates: [dpo, lucky])).scores
        #expect(tied.contains("within noise\n") || tied.contains("within noise;") || tied.contains("within noise."))
        #expect(tied.contains("Within noise of the best, lucky: dpo. Their order means nothing"))
        let clear = EvidenceText(ArchiveSnapshot(candidates: [dpo, lucky, better])).scores
        #expect(clear.contains("beyond noise") && clear.contains("better is the best beyond noise."))
    }

    @Test func rejectionsAndDuplicatesAreToldAndOurOwnFailuresAreNot() {
        let text = EvidenceText(
            ArchiveSnapshot(candidates: [
                Example.candidate(1, "nan", status: .rejected(Rejection(code: "nonfinite", message: "NaN at -20"))),
                Example.candidate(2, "same", status: .duplicate(of: "dpo")),
                Example.candidate(3, "lost", status: .failed("429 Too Many Requests")),
            ])
        ).failures
        #expect(text == "- same: computes the same as dpo\n- nan: rejected, nonfinite: NaN at -20")
    }

    @Test func controlsThatAreBadOnPurposeAreNoEvidence() {
        let base = Example.candidate(-2, "sign_flipped", mean: 9)
        let control = Candidate(
            id: base.id, arm: base.arm, generation: 0, proposal: base.proposal,
            source: LossSource(name: "sign_flipped", text: "", origin: .baseline, beta: 0.05, isControl: true),
            fingerprint: nil, shape: nil, status: base.status, tuned: base.tuned)
        let snapshot = ArchiveSnapshot(candidates: [Example.candidate(-1, "dpo", mean: 6), control])
        #expect(!EvidenceText(snapshot).scores.contains("sign_flipped"))
        #expect(EvidenceSelection(snapshot).losses(for: "", parents: [], count: 4).map(\.id.number) == [-1])
    }

    @Test func selectionTakesBestParentRelevantAndDifferent() throws {
        var candidates = FakeArchive.burnIn
        candidates.append(
            try Self.shaped(
                FakeArchive.candidate(1, FakeLoss(name: "oscillating", value: 5), mean: 5), ["It oscillates twice."]))
        candidates.append(FakeArchive.candidate(2, FakeLoss(name: "other", value: 5.5), mean: 5.5))
        let chosen = EvidenceSelection(ArchiveSnapshot(candidates: candidates)).losses(
            for: "A loss that oscillates less", parents: [CandidateID(-3)], count: 4
        ).map { EvidenceText.name(of: $0) }
        #expect(chosen.prefix(3) == ["kto_pair", "ipo", "oscillating"] && Set(chosen).count == 4)
    }

    @Test(arguments: [(0.0, "0.000"), (-0.0004, "0.000"), (6.1235, "6.124"), (-1.5, "-1.500"), (12.9996, "13.000")])
    func decimalsAreRounded(value: Double, text: String) {
        #expect(EvidenceText.decimals(value) == text)
    }
}
