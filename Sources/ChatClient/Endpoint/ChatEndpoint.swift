import Foundation

/// A chat server and how to use it. Every field has a default: `{"baseURL": "http://localhost:11434/v1"}` is enough for
/// a server on this machine, `{"provider": "anthropic"}` for the provider's own with its usual environment variable.
///
/// No field holds a key; a key comes from an environment variable or a file.
public struct ChatEndpoint: Hashable, Sendable {
    public enum Provider: String, Codable, Sendable, CaseIterable {
        /// OpenAI's chat completions and everything compatible: vLLM, Ollama, llama.cpp, OpenRouter, LiteLLM, ...
        case openai
        /// Anthropic's messages.
        case anthropic

        public var baseURL: String {
            switch self {
            case .openai: "https://api.openai.com/v1"
            case .anthropic: "https://api.anthropic.com/v1"
            }
        }

        var keyEnvironment: String {
            switch self {
            case .openai: "OPENAI_API_KEY"
            case .anthropic: "ANTHROPIC_API_KEY"
            }
        }
    }

    /// For messages and the ledger.
    public var name: String
    public var provider: Provider
    /// With or without `/v1` where the path is only that.
    public var baseURL: String
    /// The environment variable that holds the key.
    public var keyEnvironment: String?
    /// A file that holds the key alone, readable by its owner only.
    public var keyFile: String?
    /// Requests in flight at the same time.
    public var concurrency: Int
    public var requestsPerMinute: Int?
    /// Prompt and completion tokens together.
    public var tokensPerMinute: Int?
    public var timeouts: ChatTimeouts
    /// Requests after the first one, for one call.
    public var retries: Int
    /// The first retry waits a random time up to this, each later one up to twice as long as the one before.
    public var backoff: Duration
    /// Certificates to trust instead of the system's, in PEM.
    public var caFile: String?
    /// `http://host:port`; without it the environment's `https_proxy` and its like count, except on loopback.
    public var proxy: String?
    /// The model's context in tokens, where the user knows it.
    public var contextTokens: Int?
    /// Most tokens of a reply when the request does not say and a limit is needed: always for Anthropic and for
    /// completions, with a budget for all.
    public var defaultMaxTokens: Int
    /// Sent with every request. A value of the form `${NAME}` is the environment variable of that name and a secret.
    public var extraHeaders: [String: String]

    public init(
        name: String? = nil, provider: Provider = .openai, baseURL: String? = nil, keyEnvironment: String? = nil,
        keyFile: String? = nil, concurrency: Int = 8, requestsPerMinute: Int? = nil, tokensPerMinute: Int? = nil,
        timeouts: ChatTimeouts = .init(), retries: Int = 5, backoff: Duration = .milliseconds(500),
        caFile: String? = nil, proxy: String? = nil, contextTokens: Int? = nil, defaultMaxTokens: Int = 4096,
        extraHeaders: [String: String] = [:]
    ) {
        self.provider = provider
        self.baseURL = baseURL ?? provider.baseURL
        let host = URLComponents(string: self.baseURL)?.host ?? self.baseURL
        let isProvidersOwn = host == URLComponents(string: provider.baseURL)?.host
        self.name = name ?? (isProvidersOwn ? provider.rawValue : host)
        self.keyEnvironment =
            keyEnvironment ?? (keyFile == nil && isProvidersOwn ? provider.keyEnvironment : nil)
        self.keyFile = keyFile
        self.concurrency = concurrency
        self.requestsPerMinute = requestsPerMinute
        self.tokensPerMinute = tokensPerMinute
        self.timeouts = timeouts
        self.retries = retries
        self.backoff = backoff
        self.caFile = caFile
        self.proxy = proxy
        self.contextTokens = contextTokens
        self.defaultMaxTokens = defaultMaxTokens
        self.extraHeaders = extraHeaders
    }

    /// Whether the server is on this machine, where a key is not needed and nothing costs dollars.
    public var isLoopback: Bool {
        guard var host = URLComponents(string: baseURL)?.host?.lowercased() else { return false }
        host = host.trimmingCharacters(in: ["[", "]"])
        return host == "localhost" || host.hasSuffix(".localhost") || host == "::1"
            || host.wholeMatch(of: /127(\.\d{1,3}){3}/) != nil
    }
}

/// How long each part of a call may take.
public struct ChatTimeouts: Hashable, Sendable {
    /// Name, connection and TLS.
    public var connect: Duration
    /// From the start of a request to the first byte of its answer: without streaming, the whole writing of the reply.
    public var firstByte: Duration
    /// Between two pieces of an answer.
    public var stall: Duration
    /// One request with its whole answer.
    public var total: Duration
    /// One call with all its retries and the waits between them, from its first request on. Where a server gives one
    /// reply at a time, each of several replies is a call of its own.
    public var call: Duration

    public init(
        connect: Duration = .seconds(10), firstByte: Duration = .seconds(300), stall: Duration = .seconds(60),
        total: Duration = .seconds(600), call: Duration = .seconds(1200)
    ) {
        self.connect = connect
        self.firstByte = firstByte
        self.stall = stall
        self.total = total
        self.call = call
    }
}
