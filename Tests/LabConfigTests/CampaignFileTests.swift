import LabConfig
import LabCore
import Testing

@Suite struct CampaignFileTests {
    /// The problems of a text as `line:column code message`.
    func problems(_ yaml: String) -> [String] {
        do {
            let configs = try CampaignFile.parse(yaml, file: "x.yaml")
            return ["loaded: \(configs.map(\.name))"]
        } catch {
            return error.problems.map { "\($0.line ?? 0):\($0.column ?? 0) \($0.code.rawValue): \($0.message)" }
        }
    }

    @Test func aNameAloneTakesEveryDefault() throws {
        let config = try #require(try CampaignFile.parse("name: plain", file: "x.yaml").first)
        #expect(config == CampaignConfig(name: "plain"))
    }

    @Test func everyKeyIsRead() throws {
        let yaml = """
            name: all-keys
            seed: 18446744073709551615
            world: off-policy
            transferWorld: none
            proposer: {strategy: grammar, controlArms: {random: 0.25, best-of-n: 0.5}}
            catalogue: [dpo, kto_pair]
            budget: {candidates: 7, generationSize: 2, proposalFactor: 2.5, time: 1h30m}
            tuning:
              grid: {learningRates: [1e-3, 0.0005], betas: [0.05, 0.1]}
              smokePairs: 64
              pairs: 512
              epochs: 2
              proxySeeds: 3
              fullSeeds: [1-4, 9]
              fullSettings: 1
              promotedShare: 0.25
            selection: {strategy: pareto, tournamentSize: 5}
            confirmation: {finalists: 1, catalogueLosses: 2, seeds: 201-203, level: 0.1}
            workers: 4
            """
        let config = try #require(try CampaignFile.parse(yaml, file: "x.yaml").first)
        let expected = CampaignConfig(
            name: "all-keys", seed: .max, world: "off-policy", transferWorld: nil,
            proposer: ProposerConfig(strategy: "grammar", controlArms: [.random: 0.25, .bestOfN: 0.5]),
            catalogue: ["dpo", "kto_pair"],
            budget: BudgetConfig(candidates: 7, generationSize: 2, proposalFactor: 2.5, seconds: 5_400),
            tuning: TuningConfig(
                grid: SettingGrid(learningRates: [0.001, 0.0005], betas: [0.05, 0.1]), smokePairs: 64, pairs: 512,
                epochs: 2, proxySeeds: [3], fullSeeds: [1, 2, 3, 4, 9], fullSettings: 1, promotedShare: 0.25),
            selection: SelectionConfig(strategy: "pareto", tournamentSize: 5),
            confirmation: ConfirmationConfig(finalists: 1, catalogueLosses: 2, seeds: [201, 202, 203], level: 0.1),
            workers: 4)
        #expect(config == expected)
        #expect(try CampaignFile.parse(render(config), file: "again.yaml") == [config])
    }

    @Test func unknownKeysAreToldWithPlaceAndNearestKey() {
        let found = problems("name: x\nbudget:\n  candidats: 3\nsede: 4\nflavour: mild\n")
        #expect(found.count == 3)
        #expect(found.first == "3:3 unknownKey: unknown key `budget.candidats`; did you mean `candidates`?")
        #expect(found.dropFirst().first == "4:1 unknownKey: unknown key `sede`; did you mean `seed`?")
        #expect(found.last?.hasPrefix("5:1 unknownKey: unknown key `flavour`; known keys: ") == true)
        #expect(found.last?.hasSuffix("tuning, selection, confirmation, workers") == true)
    }

    @Test(arguments: [
        ("seed: -1", "1:7 wrongType: `seed` must be a whole number from 0 to 18446744073709551615, not `-1`"),
        ("workers: many", "1:10 wrongType: `workers` must be a whole number, not `many`"),
        ("workers: 0", "1:10 outOfRange: `workers` must lie in 1 to 256, not 0"),
        ("workers: [2]", "1:10 wrongType: `workers` must be a whole number, not a list"),
        ("workers:", "1:9 wrongType: `workers` must be a whole number, not nothing"),
        ("budget: 40", "1:9 wrongType: `budget` must be a mapping of keys to values, not `40`"),
        (
            "budget: {time: 15}",
            "1:16 wrongType: `budget.time` must be a duration with its unit, such as 90s, 15m or 2h, or none, not `15`"
        ),
        ("budget: {time: 0s}", "1:16 outOfRange: `budget.time` must lie in 1s to 720h, not `0s`"),
        ("tuning: {promotedShare: nan}", "1:25 wrongType: `tuning.promotedShare` must be a number, not `nan`"),
        ("tuning: {promotedShare: 1.5}", "1:25 outOfRange: `tuning.promotedShare` must lie in 0.01 to 1.0, not 1.5"),
        ("tuning: {fullSeeds: [1, 1]}", "1:21 conflict: `tuning.fullSeeds` has 1 twice; each counts once"),
        (
            "tuning: {proxySeeds: [7]}",
            "1:9 conflict: `tuning.fullSeeds` must include every seed of proxySeeds, so that comparisons are paired"
        ),
        (
            "tuning: {grid: {betas: [0.1]}}",
            "1:16 missingKey: `tuning.grid.learningRates` is missing; give both lists, or write `grid: world`"
        ),
        (
            "selection: {strategy: paretto}",
            "1:23 outOfRange: `selection.strategy` cannot be `paretto`; did you mean `pareto`?"
        ),
        ("confirmation: {seeds: 101}", "1:23 outOfRange: `confirmation.seeds` needs at least 2, but has 1"),
        (
            "confirmation: {seeds: [3, 104]}",
            "1:15 conflict: `confirmation` must use fresh seeds, but tuning uses 3 too; choose others in one of them"
        ),
        (
            "proposer: {controlArms: {random: 0.5, best-of-n: 0.5}}",
            "1:25 outOfRange: `proposer.controlArms` take 1.0 of the candidates; leave at least 0.1 to the search"
        ),
        (
            "proposer: {controlArms: {evolution: 0.5}}",
            "1:26 unknownKey: unknown key `proposer.controlArms.evolution`; known keys: random, best-of-n"
        ),
        (
            "world: Base World",
            "1:8 outOfRange: `world` must be a name of at most 60 lower-case letters, digits, `_` and `-`, beginning with a letter or digit, not `Base World`"
        ),
    ])
    func eachMistakeNamesKeyPlaceAndWhatWouldBeRight(yaml: String, problem: String) {
        #expect(problems(yaml + "\nname: x") == [problem])
    }

    @Test func aMissingNameIsTold() {
        #expect(
            problems("seed: 1") == ["1:1 missingKey: `name` is missing; it becomes the campaign's folder under runs/"])
        #expect(problems("nmae: x").contains("1:1 unknownKey: unknown key `nmae`; did you mean `name`?"))
    }

    @Test(arguments: [
        "", "# only a comment\n", "name: [unclosed", "name: x\nname: y\n", "\tname: x", "a: b: c", "- name: x\n",
        "just a text", "name: x\n---\nname: y\n", "name: \"\\q\"",
    ])
    func whatIsNotOneMappingIsRefusedWithItsPlace(yaml: String) {
        let found = problems(yaml)
        #expect(found.first?.hasPrefix("loaded") == false)
        #expect(found.allSatisfy { !$0.hasPrefix("0:0") }, "\(found)")
    }

    @Test func twiceTheSameKeyIsTold() {
        #expect(problems("seed: 1\nname: x\nname: y\n").first?.contains("has `name` twice; keep one") == true)
    }

    @Test func aliasesThatMultiplyAreRefusedQuickly() {
        var yaml = "a0: &a0 [1,1,1,1,1,1,1,1,1,1]\n"
        for level in 1...9 {
            let alias = "*a\(level - 1)"
            yaml += "a\(level): &a\(level) [\(Array(repeating: alias, count: 10).joined(separator: ","))]\n"
        }
        let started = ContinuousClock.now
        let found = problems(yaml + "name: x")
        #expect(found.count == 10)
        #expect(started.duration(to: .now) < .seconds(5))
    }
}
