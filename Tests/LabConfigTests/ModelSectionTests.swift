import Foundation
import LabConfig
import LabCore
import Testing

@Suite struct ModelSectionTests {
    private func problems(_ yaml: String) throws -> [String] {
        let error = #expect(throws: ConfigError.self) { try CampaignFile.parse("name: a\n" + yaml, file: "x.yaml") }
        return error?.problems.map { $0.description } ?? []
    }

    @Test func aModelIsReadWithItsEndpointAndBudget() throws {
        let yaml = """
            name: a
            proposer:
              strategy: program
              model: gpt-4o
              endpoint: {provider: anthropic, keyEnvironment: MY_KEY, concurrency: 3, requestsPerMinute: 50}
              temperature: 0.7
              critique: true
              prompts: my/prompts
            judge:
              kind: mt_bench
              model: gpt-4
              endpoint: {baseURL: http://localhost:1/v1, timeouts: {firstByte: 90s, stall: 1500ms, call: 2h}}
            budget: {usd: 2, tokens: 1000000, calls: 500}
            """
        let config = try #require(try CampaignFile.parse(yaml, file: "x.yaml").first)
        let model = try #require(config.proposer.model)
        #expect(model.model == "gpt-4o" && model.critique && model.prompts == "my/prompts" && model.temperature == 0.7)
        #expect(
            model.endpoint
                == EndpointConfig(
                    provider: "anthropic", keyEnvironment: "MY_KEY", concurrency: 3, requestsPerMinute: 50))
        #expect(config.judge?.model == "gpt-4" && config.judge?.endpoint.baseURL == "http://localhost:1/v1")
        #expect(config.judge?.endpoint.timeouts == EndpointTimeouts(firstByte: 90, stall: 1.5, call: 7_200))
        #expect(config.budget.model == ModelBudget(usd: 2, tokens: 1_000_000, calls: 500))
        #expect(try CampaignFile.parse(render(config), file: "rendered.yaml") == [config])
    }

    @Test(arguments: [("total: 0s", "must lie in"), ("total: long", "must be a duration"), ("totals: 5s", "totals")])
    func aLimitThatIsNoneIsRefused(limit: String, words: String) throws {
        let found = try problems(
            "proposer: {strategy: program, model: m, endpoint: {timeouts: {\(limit)}}}\n")
        #expect(found.count == 1 && found[0].contains("timeouts") && found[0].contains(words), "\(found)")
    }

    @Test func theGrammarAsksNoModelAndAModelNeedsItsName() throws {
        #expect(
            try problems("proposer: {model: gpt-4o}\n")
                == ["x.yaml:2:19: `proposer.model` needs `strategy: program` or `discopop`; the grammar asks no model"])
        #expect(
            try problems("proposer: {strategy: program}\n").first?.contains(
                "`proposer.model` is missing; name the model that strategy program is to ask") == true)
        #expect(try problems("judge: {kind: mt_bench}\n").first?.contains("`judge.model` is missing") == true)
    }

    @Test func aKeyInTheRecipeIsRefusedWithoutRepeatingIt() throws {
        let found = try problems("proposer: {strategy: program, model: m, endpoint: {keyEnvironment: sk-secret-123}}\n")
        #expect(found.count == 1 && found[0].contains("must be the name of an environment variable"))
        #expect(!found[0].contains("sk-secret"))
        #expect(
            try problems("proposer: {strategy: program, model: m, endpoint: {key: sk-secret-123}}\n").first?.contains(
                "unknown key `proposer.endpoint.key`") == true)
    }

    @Test func theConversationOfThePaperHasOneLossAtATimeAndItsFourLosses() throws {
        let config = try #require(
            try CampaignFile.parse("name: a\nproposer: {strategy: discopop, model: m}\n", file: "x").first)
        #expect(config.budget.generationSize == 1)
        #expect(
            try problems("proposer: {strategy: discopop, model: m}\nbudget: {generationSize: 4}\n").first?.contains(
                "must have `generationSize: 1`") == true)
        #expect(
            try problems("proposer: {strategy: discopop, model: m}\ncatalogue: [dpo, ipo]\n").first?.contains(
                "lacks slic, kto_pair") == true)
    }

    @Test func valuesOutOfRangeAreNamed() throws {
        let yaml = """
            proposer: {strategy: program, model: m, temperature: 3, repairs: 9, endpoint: {baseURL: localhost, provider: opnai}}
            budget: {usd: -1, calls: none}

            """
        let text = try problems(yaml).joined(separator: "\n")
        for part in [
            "proposer.temperature` must lie in 0", "proposer.repairs` must lie in 0", "baseURL` must begin with http",
            "cannot be `opnai`; did you mean `openai`", "budget.usd` must lie in 0",
        ] {
            #expect(text.contains(part), "\(text)")
        }
        #expect(
            try problems("judge: {kind: mt_bench, model: m, baseline: b.jsonl}\n").first?.contains("`kind: pairwise`")
                == true)
    }

    @Test func everyCommittedRecipeLoadsAndRendersBack() throws {
        let folder = projectFolder + "/runs"
        let names = try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasSuffix(".yaml") }
        #expect(Set(names).isSuperset(of: ["openai.yaml", "anthropic.yaml", "local-llm.yaml", "quickstart.yaml"]))
        for name in names {
            for config in try CampaignFile.load("\(folder)/\(name)") {
                #expect(try CampaignFile.parse(render(config), file: "rendered.yaml") == [config], "\(name)")
            }
        }
        for name in ["openai", "anthropic"] {
            let config = try #require(try CampaignFile.load("\(folder)/\(name).yaml").first)
            #expect(config.budget.model?.usd == 2 && config.proposer.model?.endpoint.provider == name)
        }
    }

    @Test func aCampaignBegunBeforeModelsExistedStillDecodes() throws {
        let config = CampaignConfig(name: "old")
        var value = try #require(
            try JSONSerialization.jsonObject(with: JSONEncoder().encode(config)) as? [String: Any])
        value["judge"] = nil
        #expect(
            try JSONDecoder().decode(CampaignConfig.self, from: JSONSerialization.data(withJSONObject: value)) == config
        )
    }

    @Test func aRecipeMaySendNoTemperature() throws {
        let yaml = """
            name: a
            proposer: {strategy: program, model: m, temperature: none}
            judge: {kind: mt_bench, model: gpt-4, temperature: none}
            """
        let config = try #require(try CampaignFile.parse(yaml, file: "x.yaml").first)
        #expect(config.proposer.model?.temperature == nil && config.judge?.sendsTemperature == false)
        #expect(try CampaignFile.parse(render(config), file: "x.yaml") == [config])
        let again = try JSONDecoder().decode(CampaignConfig.self, from: JSONEncoder().encode(config))
        #expect(again == config)
        let usual = try #require(
            try CampaignFile.parse(
                "name: a\nproposer: {strategy: program, model: m}\njudge: {kind: mt_bench, model: j}\n", file: "x"
            ).first)
        #expect(usual.proposer.model?.temperature == 1 && usual.judge?.sendsTemperature == true)
        #expect(
            try problems("judge: {kind: mt_bench, model: m, temperature: 0.5}\n").first?.contains(
                "`judge.temperature` must be `none` or be left out") == true)
    }

    @Test func aJudgeOfACampaignBegunEarlierKeepsItsTemperature() throws {
        let old = #"{"kind": "mt_bench", "model": "j", "endpoint": {"provider": "openai", "concurrency": 8}}"#
        let judge = try JSONDecoder().decode(JudgeConfig.self, from: Data(old.utf8))
        #expect(judge == JudgeConfig(kind: "mt_bench", model: "j") && judge.sendsTemperature)
    }

    @Test func aPairwiseJudgeMayNameItsBaselineAndIsWrittenOutAgain() throws {
        let yaml = "name: a\njudge: {kind: pairwise, model: gpt-4, baseline: answers/sft.jsonl}\n"
        let config = try #require(try CampaignFile.parse(yaml, file: "x.yaml").first)
        #expect(config.judge == JudgeConfig(kind: "pairwise", model: "gpt-4", baseline: "answers/sft.jsonl"))
        #expect(try CampaignFile.parse(render(config), file: "x.yaml") == [config])
    }
}
