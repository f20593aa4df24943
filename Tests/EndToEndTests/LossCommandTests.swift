import Foundation
import Testing

/// What a user types, and what comes back: output, exit code and messages of the real program.
@Suite struct LossCommandTests {
    private struct ListedLoss: Decodable {
        let name: String
        let origin: String
        let path: String
        let beta: Double
    }

    private struct Checked: Decodable {
        struct Screening: Decodable {
            struct Rejection: Decodable {
                let code: String
                let line: Int?
            }
            struct Fingerprint: Decodable {
                let hash: String
            }
            let accepted: Bool
            let rejections: [Rejection]
            let fingerprint: Fingerprint?
            let sandboxLayers: [String]?
        }
        let path: String
        let screening: Screening
    }

    @Test func listNamesEveryLossWithItsOriginAndFile() throws {
        let program = try Program()
        defer { program.remove() }
        let outcome = try program.run("loss", "list", "--format", "json")
        #expect(outcome.code == 0)
        let losses = try outcome.json([ListedLoss].self)
        let names = Set(losses.map(\.name))
        #expect(names.isSuperset(of: ["dpo", "rpo", "kto_pair", "lrml", "pfl", "sign_flipped"]))
        #expect(losses.allSatisfy { FileManager.default.fileExists(atPath: $0.path) && $0.beta > 0 })
    }

    @Test func anUnknownLossNamesTheNearestOne() throws {
        let program = try Program()
        defer { program.remove() }
        let outcome = try program.run("loss", "show", "dppo")
        #expect(outcome.code == 65)
        #expect(outcome.errors.contains("`dpo`"))
    }

    @Test(.tags(.python), .enabled(if: Program.hasPython, "needs .venv: make setup"))
    func checkAcceptsTheCatalogueAndRefusesTheRestWithALine() throws {
        let program = try Program()
        defer { program.remove() }
        let evil = try program.write(
            """
            import os
            def loss(policy_chosen_logps, policy_rejected_logps, reference_chosen_logps, reference_rejected_logps, beta):
                return (policy_chosen_logps - policy_rejected_logps) * beta
            """, to: "evil.py")
        let rewritten = try program.write(
            """
            ```python
            def better_dpo(self, policy_chosen_logps, policy_rejected_logps, reference_chosen_logps, reference_rejected_logps):
                import torch.nn.functional as F
                margin = policy_chosen_logps - reference_chosen_logps - (policy_rejected_logps - reference_rejected_logps)
                return F.softplus(-self.beta * margin)
            ```
            """, to: "rewritten.md")
        let outcome = try program.run("loss", "check", "losses/baselines/dpo.py", rewritten, evil, "--format", "json")
        #expect(outcome.code == 2)
        let rows = try outcome.json([Checked].self)
        #expect(rows.map(\.screening.accepted) == [true, true, false])
        #expect(rows[0].screening.fingerprint?.hash == rows[1].screening.fingerprint?.hash)
        #expect(rows[2].screening.rejections.first?.code == "forbidden")
        #expect(rows[2].screening.rejections.first?.line == 1)
        #expect(try program.run("loss", "check", "losses/published/lrml.py").code == 0)
    }

    @Test func aMissingFileIsBadInput() throws {
        let program = try Program()
        defer { program.remove() }
        let outcome = try program.run("loss", "check", "no-such-file.py")
        #expect(outcome.code == 65)
        #expect(outcome.errors.contains("no-such-file.py"))
    }

    @Test func aMissingVirtualEnvironmentSaysHowToMakeOne() throws {
        let program = try Program()
        defer { program.remove() }
        let outcome = try program.run(
            "loss", "check", "losses/baselines/dpo.py", environment: ["LOSSLAB_VENV": "/nowhere/.venv"])
        #expect(outcome.code == 1)
        #expect(outcome.errors.contains("make setup"))
        #expect(outcome.errors.contains("/nowhere/.venv"))
    }

    @Test(.tags(.python), .enabled(if: Program.hasPython, "needs .venv: make setup"))
    func thePublishedMethodFormBecomesALossFile() throws {
        let program = try Program()
        defer { program.remove() }
        let published = try program.write(
            """
            def kto_pair(self, policy_chosen_logps, policy_rejected_logps, reference_chosen_logps, reference_rejected_logps):
                chosen_KL = (policy_chosen_logps - reference_chosen_logps).mean().clamp(min=0)
                rejected_KL = (policy_rejected_logps - reference_rejected_logps).mean().clamp(min=0)
                chosen_logratios = policy_chosen_logps - reference_chosen_logps
                rejected_logratios = policy_rejected_logps - reference_rejected_logps
                losses = torch.cat(
                    (1 - F.sigmoid(self.beta * (chosen_logratios - rejected_KL)),
                     1 - F.sigmoid(self.beta * (chosen_KL - rejected_logratios))), 0)
                return losses
            """, to: "kto.txt")
        let outcome = try program.run("loss", "import", published, "--name", "my_kto", "--output", "my_kto.py")
        #expect(outcome.code == 0, "\(outcome.errors)")
        let checked = try program.run("loss", "check", "my_kto.py", "losses/baselines/kto_pair.py", "--format", "json")
        #expect(checked.code == 0)
        let rows = try checked.json([Checked].self)
        #expect(rows[0].screening.fingerprint?.hash == rows[1].screening.fingerprint?.hash)
    }
}
