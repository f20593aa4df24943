import ArgumentParser
import ChatClient
import LabConfig
import LabCore

/// Which language model a command of `proposer` asks, and where.
struct ProposerEndpointOptions: ParsableArguments {
    @Option(help: "Proposing model, as the endpoint names it.")
    var model: String?

    @Option(help: "One of the lab's own models, served here; `losslab model list` shows them.")
    var embedded: String?

    @Option(help: "Dialect of the endpoint: openai or anthropic.")
    var provider: String = "openai"

    @Option(help: "Base URL of the endpoint, such as http://localhost:11434/v1.")
    var baseUrl: String?

    @Option(name: .customLong("key-env"), help: "Environment variable that holds the key.")
    var keyEnvironment: String?

    @OptionGroup var wait: WaitOptions

    func validate() throws {
        guard EndpointConfig.providers.contains(provider) else {
            throw ValidationError("--provider is openai or anthropic, not \(provider)")
        }
        guard embedded == nil || (model == nil && baseUrl == nil) else {
            throw ValidationError("--embedded names a model and its place; leave out --model and --base-url")
        }
    }

    /// The configuration with what the options say about the model.
    ///
    /// - Parameter concurrency: replies written at the same time.
    func over(_ given: ProposingModelConfig, concurrency: Int = 1) throws -> ProposingModelConfig {
        var config = given
        if let embedded {
            let known = try readingInput { try ModelCatalogue.load().model(named: embedded) }
            config.model = known.name
            config.endpoint = EndpointConfig(embedded: known.name, concurrency: concurrency)
            config.contextTokens = min(LocalModelDefaults.contextTokens, known.contextTokens)
        } else if let model {
            config.model = model
            config.endpoint = EndpointConfig(
                provider: provider, baseURL: baseUrl, keyEnvironment: keyEnvironment, concurrency: concurrency)
        }
        config.endpoint.timeouts = wait.timeouts ?? config.endpoint.timeouts
        return config
    }
}
