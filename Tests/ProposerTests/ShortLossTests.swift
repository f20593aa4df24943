import ChatClient
import LabCore
import LabTesting
import Testing

@testable import Proposer

@Suite struct ShortLossTests {
    private static let file = #"""
        # ---
        # name: mix
        # ---
        """A docstring
        of two lines."""

        import math

        import torch
        from torch import Tensor

        WIDTH = 0.5  # of the flat part
        SHIFT: float = 2 * WIDTH + 1


        def smooth(x: Tensor, power: float = 2) -> Tensor:
            """One line."""
            return x.clamp(min=0) ** power  # a '#' in a comment


        def loss(
            policy_chosen_logps: Tensor,  # (B,) nats
            policy_rejected_logps: Tensor,
            reference_chosen_logps: Tensor,
            reference_rejected_logps: Tensor,
            beta: float,
        ) -> Tensor:  # (B,)
            rho = (policy_chosen_logps - policy_rejected_logps) - (
                reference_chosen_logps - reference_rejected_logps
            )

            return smooth(WIDTH - beta * rho) + SHIFT
        """#

    @Test func onlyTheStatementsAreShownWithConstantsAsNumbersAndHelpersInside() throws {
        let short = try #require(ShortLoss(Self.file))
        let expected = """
            def mix(\(ShortLoss.parameters)):
                \"\"\"Score 6.\"\"\"
                def smooth(x, power=2):
                    return x.clamp(min=0) ** power
                rho = (policy_chosen_logps - policy_rejected_logps) - (
                    reference_chosen_logps - reference_rejected_logps
                )
                return smooth(0.5 - beta * rho) + (2 * 0.5 + 1)
            """
        #expect(short.function(named: "mix", note: "Score 6.") == expected)
    }

    @Test(arguments: ["", "x = 1", "def other():\n    return 1"])
    func withoutALossAtTheMarginThereIsNone(text: String) { #expect(ShortLoss(text) == nil) }
}

@Suite struct CompletionProposerTests {
    private static func catalogue(_ number: Int, _ name: String, _ formula: String, mean: Double) -> Candidate {
        let base = FakeArchive.candidate(number, FakeLoss(name: name, value: mean), mean: mean)
        let text = "def loss(\(ShortLoss.parameters)):\n    return \(formula)\n"
        return Candidate(
            id: base.id, arm: .catalogue, generation: 0, proposal: base.proposal,
            source: LossSource(name: name, text: text, origin: .baseline, beta: 0.05), fingerprint: base.fingerprint,
            shape: nil, status: base.status, tuned: base.tuned)
    }

    private static let archive = [
        catalogue(-1, "dpo", "first", mean: 6), catalogue(-2, "slic", "second", mean: 6.2),
        catalogue(-3, "ipo", "third", mean: 5.9), catalogue(-4, "kto_pair", "fourth", mean: 6.5),
    ]

    private static var config: ProposingModelConfig {
        ProposingModelConfig(model: "m", form: .completion, temperature: 0.8, maxTokens: 300, evidence: 2)
    }

    /// Screens completions: the body says what becomes of it.
    private struct BodyScreener: LossScreener {
        func screen(_ text: String, name: String?, reply: ReplyContext?) async throws -> Screening {
            let body = text.split(separator: "\n").last.map(String.init) ?? ""
            func refused(_ code: String, source: String?, turned: String? = nil) -> Screening {
                Screening(
                    accepted: false, name: "made", source: source,
                    rejections: [
                        Rejection(
                            code: code, message: "it is \(code)",
                            line: text.split(separator: "\n", omittingEmptySubsequences: false).count - 1)
                    ], turned: turned)
            }
            let source = "def loss(\(ShortLoss.parameters)):\n\(body)\n"
            if body.contains("upwards") {
                return refused("gradient", source: source, turned: source.replacing("upwards", with: "downwards"))
            }
            if body.contains("copy") { return refused("copied", source: source) }
            if body.contains("wrong") { return refused("gradient", source: source) }
            return Screening(accepted: true, name: "made", source: source, fingerprint: nil)
        }
    }

    private func run(_ bodies: [String]) async throws -> (model: ScriptedModel, proposal: LossProposal) {
        let model = ScriptedModel { _, _, number in "    return \(bodies[min(number, bodies.count - 1)])\n" }
        let parts = ProposerParts(
            caller: ModelCaller(
                service: model, config: Self.config, campaign: "test", store: InMemoryStepStore(), log: MemoryLog()),
            prompts: try PromptLibrary(), screener: BodyScreener(), tolerance: 1e-3, task: "")
        let request = ProposalRequest(
            arm: .evolution, parents: [Self.archive[0]], snapshot: ArchiveSnapshot(candidates: Self.archive), seed: 3,
            number: 5)
        return (model, try await parts.proposer(strategy: "program").propose(request))
    }

    @Test func thePromptIsVersionsInAscendingScoreAndEndsWithTheNextHeader() async throws {
        let (model, proposal) = try await run(["sound"])
        let request = model.requests[0].request
        let prompt = try #require(request.prompt)
        let first = try #require(prompt.range(of: "def loss_v0("))
        let second = try #require(prompt.range(of: "def loss_v1("))
        #expect(first.lowerBound < second.lowerBound && prompt.hasSuffix("\"\"\"Improved version of loss_v1.\"\"\"\n"))
        #expect(prompt.contains("\"\"\"Score 6.00 ± ") && request.stop.contains("\ndef ") && request.messages.isEmpty)
        #expect(Set(proposal.parents).count == 2 && proposal.name == "made")
        #expect(proposal.text.contains("def loss_v2(") && proposal.text.hasSuffix("    return sound\n"))
        #expect(proposal.reply?.shown.count == 2)
        #expect(TokenEstimate.usual(prompt) < 900)
    }

    /// Standard errors of 0.1 make the temperature 0.2: what lies within noise is shown about alike, what is far below never.
    @Test func shownLossesAreDrawnByScoreOverNoise() throws {
        func scored(_ number: Int, _ name: String, _ mean: Double) -> Candidate {
            let base = Self.catalogue(number, name, "value_\(-number)", mean: mean)
            let score = Estimate(mean: mean, standardError: 0.1, count: 3)
            let tuned = TunedScore(
                setting: Setting(learningRate: 1e-3, beta: 0.05), score: score, greedy: score, kl: nil, fidelity: .full,
                table: [], greedyTable: [], seeds: [1, 2, 3], trials: 3, onGridEdge: false)
            return Candidate(
                id: base.id, arm: base.arm, generation: 0, proposal: base.proposal, source: base.source,
                fingerprint: nil, shape: nil, status: base.status, tuned: tuned)
        }
        let snapshot = ArchiveSnapshot(candidates: [
            scored(-1, "best", 6.8), scored(-2, "tied", 6.8), scored(-3, "below", 6.6), scored(-4, "far", 3),
        ])
        var counts: [String: Int] = [:]
        for seed in 1...4_000 {
            let request = ProposalRequest(
                arm: .evolution, parents: [], snapshot: snapshot, seed: UInt64(seed), number: 1)
            for name in ShownVersions(for: request, count: 1).names { counts[name, default: 0] += 1 }
        }
        // Shares 1 : 1 : exp(-1) of 2.368; four standard deviations of 4,000 draws are 0.031.
        let shares = counts.mapValues { Double($0) / 4_000 }
        #expect(abs((shares["best"] ?? 0) - 0.4223) < 0.031 && abs((shares["tied"] ?? 0) - 0.4223) < 0.031)
        #expect(abs((shares["below"] ?? 0) - 0.1554) < 0.023 && shares["far"] == nil)
    }

    @Test func aDraftThatFailsIsSampledAgainAndAfterACopyWarmer() async throws {
        let (model, proposal) = try await run(["copy", "wrong", "sound"])
        #expect(model.steps == ["complete", "complete", "complete"])
        #expect(model.requests.map(\.request.prompt).allSatisfy { $0 == model.requests[0].request.prompt })
        let temperatures = model.requests.compactMap(\.request.temperature)
        #expect(temperatures[0] == 0.8 && abs(temperatures[1] - 1) < 1e-9 && temperatures[2] == temperatures[1])
        #expect(Set(model.requests.map(\.request.seed)).count == 3)
        let trace = try #require(ProposalTrace(genome: proposal.genome))
        #expect(trace.isValid && !trace.isSoundFirst && trace.attempts.first?.findings.first?.code == "copied")
    }

    /// No call is spent on a minus sign.
    @Test func aLossThatOnlyPullsTheWrongWayIsTurned() async throws {
        let (model, proposal) = try await run(["upwards"])
        #expect(model.steps == ["complete"] && proposal.text.hasSuffix("    return downwards\n"))
        let trace = try #require(ProposalTrace(genome: proposal.genome))
        #expect(trace.isValid && !trace.isSoundFirst && trace.calls == 1)
        #expect(trace.attempts.map(\.step) == ["complete", ProgramRun.turning])
        #expect(trace.attempts.first?.findings.first?.code == "gradient" && proposal.operation == ProgramRun.turning)
    }

    @Test func triesAreBounded() async throws {
        let (model, proposal) = try await run(["wrong"])
        #expect(model.steps.count == 3 && proposal.text.hasSuffix("return wrong\n"))
    }
}
