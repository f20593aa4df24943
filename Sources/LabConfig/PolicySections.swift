import Foundation
import LabCore
import Yams

/// The sections `policy`, `data`, `evaluation` and `training`, which together take the place of a world.
let policyKeys = ["policy", "data", "evaluation", "training"]

/// `nil` where none of the four sections stands.
func policy(from campaign: Section) -> PolicyConfig? {
    let given = policyKeys.filter(campaign.has)
    guard let first = given.first else {
        policyKeys.forEach { _ = campaign.node($0) }
        return nil
    }
    for key in ["policy", "data", "evaluation"] where !campaign.has(key) {
        campaign.complain(
            .missingKey, first,
            "needs `\(key)` beside it: a campaign over a model of one's own names model, data and questions")
    }
    for key in ["world", "transferWorld"] where campaign.has(key) {
        _ = campaign.node(key)
        campaign.complain(.conflict, key, "is the embedded benchmark's; a campaign has a world or a `policy`, not both")
    }
    return PolicyConfig(
        model: model(from: campaign.section("policy"), required: campaign.has("policy")),
        data: preferenceData(from: campaign.section("data"), required: campaign.has("data")),
        evaluation: evaluation(from: campaign.section("evaluation"), required: campaign.has("evaluation")),
        training: policyTraining(from: campaign.section("training")))
}

private func model(from section: Section, required: Bool) -> PolicyModelConfig {
    if required, !section.has("model") {
        section.complain(.missingKey, "model", "is missing; name a folder in Hugging Face layout or a Hub id")
    }
    var config = PolicyModelConfig(model: section.line("model") ?? "")
    config.revision = section.line("revision")
    config.dtype = section.choice("dtype", config.dtype, of: PolicyModelConfig.dtypes)
    config.device = section.choice("device", config.device, of: PolicyModelConfig.devices)
    let quantization = section.choice("quantization", "none", of: PolicyModelConfig.quantizations)
    config.quantization = quantization == "none" ? nil : quantization
    config.loraRank = section.optionalInt("loraRank", in: 1...4_096)
    config.gradientCheckpointing = section.flag("gradientCheckpointing", config.gradientCheckpointing)
    config.chatTemplate = section.line("chatTemplate")
    config.acceptTemplate = section.flag("acceptTemplate", config.acceptTemplate)
    section.refuseUnknownKeys()
    if config.quantization != nil, config.loraRank == nil {
        section.complain(
            .conflict, "quantization", "needs `loraRank`: quantised weights cannot be trained themselves")
    }
    return config
}

private func preferenceData(from section: Section, required: Bool) -> PreferenceDataConfig {
    if required, !section.has("dataset") {
        section.complain(.missingKey, "dataset", "is missing; name a file, a folder or a Hub id of preference pairs")
    }
    var config = PreferenceDataConfig(dataset: section.line("dataset") ?? "")
    config.config = section.line("config")
    config.split = section.line("split")
    config.revision = section.line("revision")
    config.columns = section.texts("columns")
    config.layout = section.line("layout")
    config.limit = section.optionalInt("limit", in: 1...1_000_000_000)
    config.confirmationShare = section.double("confirmationShare", config.confirmationShare, in: 0.05...0.95)
    config.maxLength = section.int("maxLength", config.maxLength, in: 2...10_000_000)
    config.maxPromptLength = section.optionalInt("maxPromptLength", in: 1...10_000_000)
    section.refuseUnknownKeys()
    return config
}

private func evaluation(from section: Section, required: Bool) -> EvaluationConfig {
    var config = EvaluationConfig(suite: section.line("suite"), questions: section.line("questions"))
    config.heldOutQuestions = section.line("heldOutQuestions")
    config.temperature = section.double("temperature", config.temperature, in: 0...10)
    config.samples = section.int("samples", config.samples, in: 1...1_000)
    config.shape =
        SamplingShape(
            topP: section.optionalDouble("topP", nil, in: 1e-6...1),
            topK: section.optionalInt("topK", in: 1...1_000_000),
            minP: section.optionalDouble("minP", nil, in: 0...1),
            repetitionPenalty: section.optionalDouble("repetitionPenalty", nil, in: 0.01...100)
        ).ifAny
    config.maxNewTokens = section.int("maxNewTokens", config.maxNewTokens, in: 1...100_000)
    config.klSamples = section.int("klSamples", config.klSamples, in: 0...1_000)
    section.refuseUnknownKeys()
    switch (config.suite, config.questions) {
    case (nil, nil) where required:
        section.complain(
            .missingKey, "suite",
            "is missing; name a suite under evaluation/ or a folder, or a file of `questions` in MT-Bench's format")
    case (_?, _?): section.complain(.conflict, "questions", "stands beside `suite`; name one of them")
    default: break
    }
    return config
}

private func policyTraining(from section: Section) -> PolicyTrainingConfig {
    var config = PolicyTrainingConfig()
    config.batchSize = section.int("batchSize", config.batchSize, in: 1...65_536)
    config.microBatchSize = section.optionalInt("microBatchSize", in: 1...65_536)
    config.schedule = section.choice("schedule", config.schedule, of: PolicyTrainingConfig.schedules)
    config.trainer = section.choice("trainer", config.trainer, of: PolicyTrainingConfig.trainers)
    config.logpScale = section.double("logpScale", config.logpScale, in: 1e-3...1e3)
    section.refuseUnknownKeys()
    return config
}

/// The grid of a campaign over a model of one's own that names none: those of published recipes, with and without LoRA.
func defaultGrid(of model: PolicyModelConfig) -> SettingGrid {
    SettingGrid(learningRates: model.loraRank == nil ? [5e-7, 2e-6] : [1e-5, 5e-5], betas: [0.05, 0.1])
}

/// What takes a world's name in tables and trial names: the data set's, its folder's too where the file says only which split.
func worldName(of data: PreferenceDataConfig) -> String {
    let parts = data.dataset.split(separator: "/").map { $0.prefix { $0 != "." } }.filter { !$0.isEmpty }
    var name = parts.last.map(String.init) ?? "data"
    if ["train", "test", "validation", "data"].contains(name), parts.count > 1 {
        name = "\(parts[parts.count - 2])-\(name)"
    }
    let slug = name.lowercased().map { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-" || $0 == "_") ? $0 : "-" }
    let trimmed = String(slug).drop { $0 == "-" || $0 == "_" }.prefix(40)
    return trimmed.isEmpty ? "data" : String(trimmed)
}
