import LabConfig
import LabCore
import Testing

@Suite struct PolicySectionTests {
    private func problems(_ yaml: String) throws -> [String] {
        let error = #expect(throws: ConfigError.self) { try CampaignFile.parse("name: a\n" + yaml, file: "x.yaml") }
        return error?.problems.map { $0.description } ?? []
    }

    @Test func aModelAndDataOfOnesOwnTakeTheWorldsPlace() throws {
        let yaml = """
            name: a
            policy: {model: my/sft, revision: main, dtype: bfloat16, loraRank: 16, quantization: 4bit}
            data:
              dataset: pairs/hh_rlhf/train.jsonl.gz
              columns: {prompt: instruction, chosen: "good \\"one\\""}
              confirmationShare: 0.3
            evaluation: {suite: mt_bench, temperature: 0.5, samples: 2, topP: 0.9, topK: 20, klSamples: 0}
            training: {batchSize: 8, trainer: trl}
            judge: {kind: classifier, model: a/b, label: POSITIVE}
            budget: {candidates: 0}
            """
        let config = try #require(try CampaignFile.parse(yaml, file: "x.yaml").first)
        let policy = try #require(config.policy)
        #expect(policy.evaluation.shape == SamplingShape(topP: 0.9, topK: 20))
        #expect(policy.model.model == "my/sft" && policy.model.loraRank == 16 && policy.model.quantization == "4bit")
        #expect(policy.data.columns == ["prompt": "instruction", "chosen": "good \"one\""])
        #expect(policy.evaluation.suite == "mt_bench" && policy.evaluation.klSamples == 0)
        #expect(policy.training.trainer == "trl" && policy.training.batchSize == 8)
        #expect(config.world == "hh_rlhf-train" && config.transferWorld == nil)
        #expect(config.tuning.grid == SettingGrid(learningRates: [1e-5, 5e-5], betas: [0.05, 0.1]))
        #expect(config.judge?.label == "POSITIVE")
        #expect(try CampaignFile.parse(render(config), file: "rendered.yaml") == [config])
    }

    @Test func aHalfNamedPolicyIsRefusedWithWhatIsMissing() throws {
        #expect(
            try problems("policy: {model: m}\n")
                == ["data", "evaluation"].map {
                    "x.yaml:2:9: `policy` needs `\($0)` beside it: a campaign over a model of one's own names model, "
                        + "data and questions"
                })
        #expect(
            try problems("policy: {}\ndata: {}\nevaluation: {}\n").map { $0.split(separator: " ")[1] }
                == ["`policy.model`", "`data.dataset`", "`evaluation.suite`"])
    }

    @Test func aWorldBesideAPolicyIsRefused() throws {
        let policy = "policy: {model: m}\ndata: {dataset: d}\nevaluation: {suite: s}\n"
        #expect(try problems(policy + "world: base\n").first?.contains("a world or a `policy`, not both") == true)
        #expect(try problems(policy + "transferWorld: base\n").count == 1)
        #expect(try problems(policy + "trainig: {}\n").first?.contains("`trainig`; did you mean `training`") == true)
    }

    @Test func quantisedWeightsNeedAdapters() throws {
        let found = try problems(
            "policy: {model: m, quantization: 4bit}\ndata: {dataset: d}\nevaluation: {suite: s}\n")
        #expect(found.count == 1 && found[0].contains("`policy.quantization` needs `loraRank`"))
    }

    @Test func rewardModelsReadNoEmbeddedWorld() throws {
        #expect(
            try problems("judge: {kind: reward_model, model: m}\n").first?.contains(
                "whose language no such model reads")
                == true)
        let policy = "policy: {model: m}\ndata: {dataset: d}\nevaluation: {suite: s}\n"
        #expect(
            try problems(policy + "judge: {kind: classifier, model: m}\n").first?.contains("`judge.label` is missing")
                == true)
    }
}
