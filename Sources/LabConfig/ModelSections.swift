import LabCore

/// The keys of `proposer:` that say which model is asked and how; `nil` for a strategy that asks none.
func proposingModel(from section: Section, strategy: String) -> ProposingModelConfig? {
    let keys = [
        "model", "endpoint", "form", "prompts", "temperature", "maxTokens", "analyse", "critique", "repairs",
        "evidence",
        "contextTokens", "reasoningEffort",
    ]
    guard strategy != "grammar" else {
        for key in keys where section.has(key) {
            _ = section.node(key)
            section.complain(.conflict, key, "needs `strategy: program` or `discopop`; the grammar asks no model")
        }
        return nil
    }
    var config = ProposingModelConfig(model: section.line("model") ?? "")
    config.endpoint = endpoint(from: section.section("endpoint"))
    config.model = askedModel(config.model, at: config.endpoint, from: section)
    if !section.has("model"), config.model.isEmpty {
        section.complain(.missingKey, "model", "is missing; name the model that strategy \(strategy) is to ask")
    }
    if let name = config.endpoint.embedded {
        config.contextTokens = LocalModelDefaults.contextTokens
        if strategy == "program", let known = try? ModelCatalogue.load().model(named: name) { config.form = known.form }
    }
    let forms = PromptForm.allCases.map(\.rawValue)
    config.form = PromptForm(rawValue: section.choice("form", config.form.rawValue, of: forms)) ?? config.form
    if config.form == .completion {
        // What fits beside two versions; more of them only made the model copy.
        (config.maxTokens, config.evidence, config.analyse) = (300, 2, false)
    }
    config.prompts = section.line("prompts")
    config.temperature = section.optionalDouble("temperature", config.temperature, in: 0...2)
    config.maxTokens = section.int("maxTokens", config.maxTokens, in: 64...1_000_000)
    config.analyse = section.flag("analyse", config.analyse)
    config.critique = section.flag("critique", config.critique)
    config.repairs = section.int("repairs", config.repairs, in: 0...3)
    config.evidence = section.int("evidence", config.evidence, in: 1...12)
    config.contextTokens = section.int("contextTokens", config.contextTokens, in: 2_048...10_000_000)
    config.reasoningEffort = section.line("reasoningEffort")
    for key in ["critique", "analyse", "form"] where strategy == "discopop" && section.has(key) {
        section.complain(.conflict, key, "belongs to `strategy: program`; the paper's loop has none")
    }
    for key in ["critique", "analyse"] where config.form == .completion && section.has(key) {
        section.complain(.conflict, key, "belongs to `form: chat`; a completion has no such step")
    }
    if config.maxTokens * 2 > config.contextTokens {
        section.complain(
            .conflict, "maxTokens", "must be at most half of contextTokens (\(config.contextTokens)), or no prompt fits"
        )
    }
    return config
}

func endpoint(from section: Section) -> EndpointConfig {
    var config = EndpointConfig()
    config.embedded = embedded(from: section)
    if config.embedded != nil { config.concurrency = LocalModelDefaults.slots }
    config.provider = section.choice("provider", config.provider, of: EndpointConfig.providers)
    config.baseURL = section.line("baseURL")
    if let url = config.baseURL, !url.hasPrefix("http://"), !url.hasPrefix("https://") {
        section.complain(.outOfRange, "baseURL", "must begin with http:// or https://, not `\(url)`")
    }
    config.keyEnvironment = section.line("keyEnvironment")
    if let name = config.keyEnvironment, !isVariableName(name) {
        // The value is not repeated: it may be the key itself.
        section.complain(
            .outOfRange, "keyEnvironment",
            "must be the name of an environment variable, such as OPENAI_API_KEY; the key itself never goes into a file "
                + "of the project")
    }
    config.keyFile = section.line("keyFile")
    config.concurrency = section.int("concurrency", config.concurrency, in: 1...1_000)
    config.requestsPerMinute = section.optionalInt("requestsPerMinute", in: 1...1_000_000)
    config.tokensPerMinute = section.optionalInt("tokensPerMinute", in: 1...1_000_000_000)
    config.timeouts = timeouts(from: section.section("timeouts"))
    section.refuseUnknownKeys()
    return config
}

private func timeouts(from section: Section) -> EndpointTimeouts? {
    let week = 7 * 86_400.0
    let limits = EndpointTimeouts(
        firstByte: section.duration("firstByte", nil, in: 0.1...week),
        stall: section.duration("stall", nil, in: 0.1...week),
        total: section.duration("total", nil, in: 0.1...week),
        call: section.duration("call", nil, in: 0.1...week))
    section.refuseUnknownKeys()
    return limits == EndpointTimeouts() ? nil : limits
}

/// The `judge:` section; `nil` when absent or the default.
///
/// - Parameter hasPolicy: whether a model of one's own is trained, whose answers reward models can read.
func judge(from campaign: Section, hasPolicy: Bool) -> JudgeConfig? {
    let section = campaign.section("judge")
    var config = JudgeConfig()
    config.kind = section.choice("kind", config.kind, of: JudgeConfig.kinds)
    config.model = section.line("model")
    config.endpoint = endpoint(from: section.section("endpoint"))
    if config.endpoint.embedded != nil {
        config.model = askedModel(config.model ?? "", at: config.endpoint, from: section)
    }
    config.label = section.line("label")
    config.baseline = section.line("baseline")
    config.sendsTemperature = sendsTemperature(section)
    section.refuseUnknownKeys()
    if config.kind != "pairwise", config.baseline != nil {
        section.complain(.conflict, "baseline", "needs `kind: pairwise`, which compares answers with a baseline's")
    }
    if ["reward_model", "classifier"].contains(config.kind), !hasPolicy {
        section.complain(
            .conflict, "kind",
            "cannot be \(config.kind) in a world of the embedded benchmark, whose language no such model reads")
    }
    if config.kind == "rubric", config.model != nil {
        section.complain(.conflict, "model", "needs another `kind` than rubric, which asks no model")
    }
    if config.kind != "rubric", config.model == nil {
        section.complain(.missingKey, "model", "is missing; name the model that grades")
    }
    if config.kind == "classifier", config.label == nil {
        section.complain(.missingKey, "label", "is missing; name the class whose probability is the score")
    }
    if config.kind != "classifier", config.label != nil {
        section.complain(.conflict, "label", "needs `kind: classifier`")
    }
    return config == JudgeConfig() ? nil : config
}

/// `temperature: none`; any number would change what the judge's scores mean.
private func sendsTemperature(_ section: Section) -> Bool {
    guard let text = section.line("temperature") else { return !section.has("temperature") }
    section.complain(
        .outOfRange, "temperature",
        "must be `none` or be left out, not `\(text)`: the protocol of the judge's `kind` sets it")
    return true
}

func modelBudget(from section: Section) -> ModelBudget? {
    let usd = section.node("usd")
    let unlimited = usd == nil || usd?.isNothing == true || usd?.scalar?.string == "none"
    let budget = ModelBudget(
        usd: unlimited ? nil : section.double("usd", 0, in: 0...1_000_000),
        tokens: section.optionalInt("tokens", in: 1...Int(Int32.max) * 1_000),
        calls: section.optionalInt("calls", in: 1...1_000_000_000))
    return budget == ModelBudget() ? nil : budget
}

/// What single sections cannot see.
func refuseContradictions(of config: CampaignConfig, in section: Section) {
    guard config.proposer.strategy == "discopop" else { return }
    if config.budget.generationSize != 1 {
        section.complain(
            .conflict, "budget", "must have `generationSize: 1`: the conversation of discopop has one loss at a time")
    }
    let missing = KnownStrategies.burnIn.filter { !config.catalogue.isEmpty && !config.catalogue.contains($0) }
    if !missing.isEmpty {
        section.complain(
            .conflict, "catalogue",
            "lacks \(missing.joined(separator: ", ")); discopop begins with \(KnownStrategies.burnIn.joined(separator: ", "))"
        )
    }
}

func render(_ model: ProposingModelConfig) -> String {
    """

      model: \(quoted(model.model))
      endpoint:\(render(model.endpoint, indent: "    "))\(forms(of: model))
      prompts: \(model.prompts.map(quoted) ?? "none")
      temperature: \(model.temperature.map { "\($0)" } ?? "none")
      maxTokens: \(model.maxTokens)\(model.critique ? "\n  critique: true" : "")
      repairs: \(model.repairs)
      evidence: \(model.evidence)
      contextTokens: \(model.contextTokens)
      reasoningEffort: \(model.reasoningEffort.map(quoted) ?? "none")
    """
}

/// Only what is not the default, since `discopop` knows neither key.
private func forms(of model: ProposingModelConfig) -> String {
    if model.form == .completion { return "\n  form: completion" }
    return model.analyse ? "" : "\n  analyse: false"
}

func render(_ judge: JudgeConfig) -> String {
    """

    judge:
      kind: \(judge.kind)
      model: \(judge.model.map(quoted) ?? "none")
      label: \(judge.label.map(quoted) ?? "none")
      baseline: \(judge.baseline.map(quoted) ?? "none")
      endpoint:\(render(judge.endpoint, indent: "    "))\(judge.sendsTemperature ? "" : "\n  temperature: none")
    """
}

func render(_ budget: ModelBudget) -> String {
    """

      usd: \(budget.usd.map { "\($0)" } ?? "none")
      tokens: \(budget.tokens.map { "\($0)" } ?? "none")
      calls: \(budget.calls.map { "\($0)" } ?? "none")
    """
}

private func render(_ endpoint: EndpointConfig, indent: String) -> String {
    let lines =
        (endpoint.embedded.map { ["embedded: \(quoted($0))"] } ?? []) + [
            "provider: \(endpoint.provider)", "baseURL: \(endpoint.baseURL.map(quoted) ?? "none")",
            "keyEnvironment: \(endpoint.keyEnvironment.map(quoted) ?? "none")",
            "keyFile: \(endpoint.keyFile.map(quoted) ?? "none")", "concurrency: \(endpoint.concurrency)",
            "requestsPerMinute: \(endpoint.requestsPerMinute.map { "\($0)" } ?? "none")",
            "tokensPerMinute: \(endpoint.tokensPerMinute.map { "\($0)" } ?? "none")",
        ] + (endpoint.timeouts.map { ["timeouts: {\(render($0))}"] } ?? [])
    return lines.map { "\n\(indent)\($0)" }.joined()
}

private func render(_ limits: EndpointTimeouts) -> String {
    let given = [
        ("firstByte", limits.firstByte), ("stall", limits.stall), ("total", limits.total), ("call", limits.call),
    ]
    return given.compactMap { name, seconds in seconds.map { "\(name): \(Quantity.text(seconds: $0))" } }
        .joined(separator: ", ")
}

/// As a double-quoted YAML scalar.
func quoted(_ text: String) -> String {
    "\"" + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
}

private func isVariableName(_ text: String) -> Bool {
    guard let first = text.unicodeScalars.first, !("0"..."9").contains(first), text.count <= 60 else { return false }
    return text.unicodeScalars.allSatisfy { scalar in
        switch scalar {
        case "A"..."Z", "a"..."z", "0"..."9", "_": true
        default: false
        }
    }
}
