import LabCore
import Testing

@testable import Proposer

/// How a sample's drafts are counted: sound as written, without copies, in the end, new.
@Suite struct SampledDraftTests {
    private static func draft(
        _ number: Int, _ attempts: [(step: String, codes: [String])], refused: String? = nil, twin: String? = nil
    ) -> SampledDraft {
        var trace = ProposalTrace(strategy: "completion")
        trace.attempts = attempts.map { attempt in
            .init(step: attempt.step, findings: attempt.codes.map { .init(code: $0, message: "", line: nil) })
        }
        let rejections = refused.map { [Rejection(code: $0, message: "", line: nil)] } ?? []
        return SampledDraft(
            number: number, proposal: LossProposal(name: "n", text: "t", operation: "complete", genome: trace.text),
            screening: Screening(accepted: refused == nil, name: "n", source: "s", rejections: rejections), twin: twin)
    }

    private static func summary(_ drafts: [SampledDraft]) -> SampleSummary {
        SampleSummary(drafts, model: "m", form: "completion", temperature: 0.8, exchanges: [])
    }

    @Test func aCopyIsSoundAndNotNew() {
        let copy = Self.draft(1, [("complete", ["copied"]), ("complete", ["copied"])], refused: "copied")
        let same = Self.draft(2, [("complete", ["duplicate"])], twin: "dpo")
        let new = Self.draft(3, [("complete", [])])
        let wrong = Self.draft(4, [("complete", ["gradient"]), ("complete", ["shape"])], refused: "shape")
        let words = Self.draft(5, [("complete", ["echoed"])], refused: "echoed")
        let found = Self.summary([copy, same, new, wrong, words])
        #expect(found.soundFirst.count == 3 && found.ownFirst.count == 2 && found.sound.count == 3)
        #expect(found.new.count == 1 && found.turned.count == 0 && found.drafts == 5)
        #expect(found.reasons == ["copied": 1, "duplicate": 1, "gradient": 1, "echoed": 1])
    }

    @Test func aTurnedLossIsSoundInTheEndOnly() {
        let turned = Self.draft(1, [("complete", ["gradient"]), (ProgramRun.turning, [])])
        let again = Self.draft(
            2, [("complete", ["gradient"]), (ProgramRun.turning, ["duplicate"]), ("complete", [])])
        let found = Self.summary([turned, again])
        #expect(found.soundFirst.count == 0 && found.sound.count == 2 && found.turned.count == 1)
    }
}
