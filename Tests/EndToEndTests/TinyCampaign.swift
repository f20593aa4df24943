import Foundation
import Testing

/// The smallest campaign that trains, screens, tunes and confirms for real, and what comes of it undisturbed.
enum TinyCampaign {
    static let recipe = """
        name: tiny
        seed: 3
        world: length-biased
        transferWorld: none
        proposer:
          strategy: grammar
          controlArms: {random: 0.25}
        catalogue: [dpo, kto_pair]
        budget: {candidates: 3, generationSize: 3}
        tuning:
          grid: {learningRates: [0.0005], betas: [0.02, 0.08]}
          smokePairs: 32
          pairs: 64
          fullSeeds: [1, 2]
          fullSettings: 1
        confirmation: {finalists: 1, catalogueLosses: 1, seeds: 101-102}
        workers: 2
        """

    /// Run once for all tests that compare with it; its folder lasts as long as the process.
    static let uninterrupted = Result {
        let program = try Program()
        _ = try program.write(recipe, to: "runs/tiny.yaml")
        let outcome = try program.run("campaign", "run", "runs/tiny.yaml")
        try #require(outcome.code == 0, "\(outcome.errors)")
        try #require(outcome.output.contains("## Verdict: "))
        return program
    }

    /// The whole archive in a form that equal campaigns have byte for byte.
    static func archive(of program: Program) throws -> String {
        let outcome = try program.run("archive", "export", "--canonical")
        try #require(outcome.code == 0, "\(outcome.errors)")
        return outcome.output
    }
}
