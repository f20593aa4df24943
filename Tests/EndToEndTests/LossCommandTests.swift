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
                return (policy_rejected_logps - policy_chosen_logps) * beta * len(os.listdir("/"))
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

    /// A terminal would set its title, wipe its screen or turn the text round.
    @Test(arguments: [
        ["loss", "check", "\u{1B}]0;owned\u{07}\u{202E}.py"], ["loss", "show", "\u{9B}2J"], ["loss", "--\u{1B}[2J"],
        ["data", "inspect", "\u{1B}[8m"],
    ]) func controlsInForeignTextAreShownAsText(arguments: [String]) throws {
        let program = try Program()
        defer { program.remove() }
        let outcome = try program.run(arguments)
        #expect(outcome.code != 0 && outcome.errors.contains("\\u00"))
        let hidden = (outcome.output + outcome.errors).unicodeScalars.filter {
            ($0.value < 0x20 && $0 != "\n" && $0 != "\t") || (0x7F...0x9F).contains($0.value) || $0.value == 0x202E
        }
        #expect(hidden.isEmpty)
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
                print("wanted by nobody")
                chosen_KL = (policy_chosen_logps - reference_chosen_logps).mean().clamp(min=0)
                rejected_KL = (policy_rejected_logps - reference_rejected_logps).mean().clamp(min=0)
                chosen_logratios = policy_chosen_logps - reference_chosen_logps
                rejected_logratios = policy_rejected_logps - reference_rejected_logps
                losses = torch.cat(
                    (1 - F.sigmoid(self.beta * (chosen_logratios - rejected_KL)),
                     1 - F.sigmoid(self.beta * (chosen_KL - rejected_logratios))), 0)
                return losses
            """, to: "kto.txt")
        let outcome = try program.run("loss", "import", published, "--name", "my_kto", "-o", "new/folder/my_kto.py")
        #expect(outcome.code == 0, "\(outcome.errors)")
        #expect(outcome.errors.contains("left out: ") && outcome.errors.contains("wanted by nobody"))
        let checked = try program.run(
            "loss", "check", "new/folder/my_kto.py", "losses/baselines/kto_pair.py", "--format", "json")
        #expect(checked.code == 0)
        let rows = try checked.json([Checked].self)
        #expect(rows[0].screening.fingerprint?.hash == rows[1].screening.fingerprint?.hash)
        // The older spelling is understood, and what Foundation says is told in words.
        #expect(try program.run("loss", "import", published, "--output", "older.py").code == 0)
        let blocked = try program.run("loss", "import", published, "--out", "new/folder/my_kto.py/under_a_file.py")
        #expect(blocked.code == 65 && blocked.errors.contains("my_kto.py"))
        #expect(!blocked.errors.contains("NSCocoaErrorDomain"))
    }
}

/// Training for real: scores with errors, the same twice, and a control clearly below.
@Suite(.tags(.python, .slow), .enabled(if: Program.hasPython, "needs .venv: make setup"))
struct LossEvaluateTests {
    private struct Report: Decodable {
        struct Row: Decodable {
            let name: String
            let score: Double?
            let standardError: Double?
            let greedy: Double?
            let kl: Double?
            let seedScores: [Double]
        }
        struct Untrained: Decodable {
            let decoding: String
            let score: Double
        }
        let losses: [Row]
        let untrained: [Untrained]
    }

    private static let setting = [
        "--world", "base", "--learning-rate", "5e-4", "--beta", "0.05", "--pairs", "256", "--format", "json",
    ]

    private func evaluate(_ program: Program, _ arguments: String...) throws -> Report {
        let outcome = try program.run(["loss", "evaluate"] + arguments + Self.setting)
        #expect(outcome.code == 0, "\(outcome.errors)")
        return try outcome.json()
    }

    @Test func trainingLiftsTheScoreAndTheFlippedControlSinksIt() throws {
        let program = try Program()
        defer { program.remove() }
        let report = try evaluate(program, "dpo", "sign_flipped", "--seeds", "1,2")
        #expect(report.untrained.map(\.decoding) == ["T=1", "T=0.7", "T=0.3", "greedy"])
        let untrained = try #require(report.untrained.first { $0.decoding == "T=0.7" }).score
        let dpo = try #require(report.losses.first { $0.name == "dpo" })
        let flipped = try #require(report.losses.first { $0.name == "sign_flipped" })
        #expect(try #require(dpo.score) > untrained + 0.3)
        #expect(try #require(flipped.score) < untrained - 0.3)
        #expect(try #require(dpo.standardError) > 0)
        #expect(try #require(dpo.kl) > 0)
        #expect(dpo.seedScores.count == 2 && dpo.seedScores[0] != dpo.seedScores[1])
    }

    @Test func aKeptTrialThatWasChangedIsTrainedAgainAndSaid() throws {
        let program = try Program()
        defer { program.remove() }
        let first = try evaluate(program, "dpo", "--seeds", "1", "--skip-untrained").losses.map(\.seedScores)
        let cache = program.folder.appending(path: ".cache/trials/trial")
        let names = try FileManager.default.contentsOfDirectory(atPath: cache.path)
        #expect(!names.isEmpty)
        for name in names {
            let file = cache.appending(path: name)
            var bytes = try Data(contentsOf: file)
            let place = try #require(bytes.range(of: Data("questionScores".utf8))).upperBound + 20
            bytes[place] = bytes[place] == UInt8(ascii: "9") ? UInt8(ascii: "8") : UInt8(ascii: "9")
            try bytes.write(to: file)
        }
        let again = try program.run(
            ["loss", "evaluate", "dpo", "--seeds", "1", "--skip-untrained"] + Self.setting)
        #expect(again.errors.contains("is not what was kept there"), "\(again.errors)")
        #expect(try again.json(Report.self).losses.map(\.seedScores) == first)
        let third = try program.run(
            ["loss", "evaluate", "dpo", "--seeds", "1", "--skip-untrained"] + Self.setting)
        #expect(!third.errors.contains("is not what was kept there"))
    }

    @Test func theSameSeedsGiveTheSameScoresInAnotherFolder() throws {
        let scores = try (0..<2).map { _ in
            let program = try Program()
            defer { program.remove() }
            return try evaluate(program, "kto_pair", "--seeds", "1,2", "--skip-untrained").losses.map(\.seedScores)
        }
        #expect(scores[0] == scores[1])
    }
}
