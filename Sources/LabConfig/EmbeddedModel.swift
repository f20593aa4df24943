import LabCore

/// What a model that the lab serves itself gets where a recipe does not say.
public enum LocalModelDefaults {
    /// Tokens of prompt and reply together, in each slot.
    public static let contextTokens = 8_192
    /// Replies written at the same time.
    public static let slots = 2
}

/// The model of the lab's own that an endpoint names; `nil` for a server.
func embedded(from section: Section) -> String? {
    guard let name = section.line("embedded") else { return nil }
    let others = ["baseURL", "keyEnvironment", "keyFile", "requestsPerMinute", "tokensPerMinute"]
    for key in others where section.line(key) != nil {
        section.complain(.conflict, key, "belongs to a server; `embedded` runs the model on this machine without one")
    }
    if let provider = section.line("provider"), provider != "openai" {
        section.complain(.conflict, "provider", "belongs to a server; `embedded` runs the model on this machine")
    }
    do {
        _ = try ModelCatalogue.load().model(named: name)
    } catch {
        for problem in error.problems {
            section.complain(problem.code, "embedded", "names no model: \(problem.message)")
        }
    }
    return name
}

/// The name under which the model is asked: an embedded one has only its own.
func askedModel(_ written: String, at endpoint: EndpointConfig, from section: Section) -> String {
    guard let embedded = endpoint.embedded else { return written }
    if !written.isEmpty, written != embedded {
        section.complain(.conflict, "model", "is `\(written)`, but `endpoint.embedded` is `\(embedded)`; leave it out")
    }
    return embedded
}

/// What writes the losses where the embedded model cannot run.
func fallback(from section: Section, model: ProposingModelConfig?) -> String? {
    guard section.line("fallback") != nil else { return nil }
    let chosen = section.choice("fallback", "grammar", of: ["grammar"])
    if model?.endpoint.embedded == nil {
        section.complain(
            .conflict, "fallback", "needs `endpoint: {embedded: ...}`: only the lab's own model may be missing")
    }
    return chosen
}
