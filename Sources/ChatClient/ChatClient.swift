import Foundation
import LabCore

/// Answers chat requests by one server: OpenAI-compatible or Anthropic.
///
/// A refusal that a model writes comes back as a reply whose choice has `finish == .refusal`; one by which the server
/// turns the request down is thrown as `contentRefused`.
public final class ChatClient: ChatService {
    public let endpoint: ChatEndpoint
    public let prices: PriceTable
    public let ledger: ChatLedger
    let cassette: Cassette?
    let cache: ResponseCache?
    let secrets: Secrets
    private let chatURL: String
    private let completionURL: String
    let isLoopback: Bool
    let api: any ChatProtocol
    let gate: Gate
    /// Equal requests that the cache takes, one after another: the first is sent, the others find its reply.
    private let equals = KeyedGate()
    let pacer: Pacer
    let adaptations: Adaptations
    let notes: @Sendable (String) -> Void
    let waiting: Waiting

    /// - Parameters:
    ///   - cassette: replays or records every call; when it only replays, no key is needed.
    ///   - cache: answers what was asked before at temperature 0.
    ///   - notes: told once what a user should know although the server answers: which part of requests a model does not
    ///     take, a prompt that the server cut, a limit that thoughts used up.
    ///   - patience: how long a request may take before `notes` is told what is awaited and how long it will be.
    ///   - environment: where the endpoint's variables are looked up; the process's own by default.
    /// - Throws: `ChatError` of kind `configuration` for a URL that is none, a missing key, or a key file that others
    ///   may read.
    public init(
        endpoint: ChatEndpoint, prices: PriceTable = .init(), ledger: ChatLedger = .init(), cassette: Cassette? = nil,
        cache: ResponseCache? = nil, notes: @escaping @Sendable (String) -> Void = { _ in },
        patience: Duration = .seconds(20), environment: [String: String]? = nil
    ) throws {
        self.endpoint = endpoint
        self.prices = prices
        self.ledger = ledger
        self.cassette = cassette
        self.cache = cache
        chatURL = try endpoint.validatedURL()
        completionURL = try endpoint.validatedURL(forCompletions: true)
        isLoopback = endpoint.isLoopback
        adaptations = Adaptations.of(server: chatURL)
        self.notes = notes
        waiting = Waiting(patience: patience) { [name = endpoint.name] in notes("\(name): \($0)") }
        if cassette?.mode == .replay {
            secrets = Secrets(key: nil)
        } else {
            secrets = try Secrets.load(for: endpoint, from: environment ?? ProcessInfo.processInfo.environment)
        }
        api =
            switch endpoint.provider {
            case .openai: OpenAIProtocol()
            case .anthropic: AnthropicProtocol()
            }
        gate = Gate(endpoint.concurrency)
        pacer = Pacer(requestsPerMinute: endpoint.requestsPerMinute, tokensPerMinute: endpoint.tokensPerMinute)
    }

    public func complete(_ request: ChatRequest, for purpose: ChatPurpose) async throws -> ChatReply {
        try await complete(request, for: purpose, onText: nil)
    }

    /// As the other, and tells the text of the first choice as it arrives when the request streams. A retry begins the
    /// text anew; `onText` is then told `nil` first. It is called on the transport's thread, so it must be quick.
    public func complete(
        _ request: ChatRequest, for purpose: ChatPurpose, onText: (@Sendable (String?) -> Void)?
    ) async throws -> ChatReply {
        try check(request)
        if let reply = try cassette?.replay(request, at: endpoint) { return replayed(reply, request, purpose, onText) }
        guard let cache, cache.takes(request) else { return try await asked(request, purpose, onText) }
        let key = try cache.key(of: request, at: endpoint)
        do { try await equals.enter(key) } catch { throw cancelled }
        defer { equals.leave(key) }
        if let reply = try cache.reply(to: request, at: endpoint) { return replayed(reply, request, purpose, onText) }
        let reply = try await asked(request, purpose, onText)
        try cache.store(reply, to: request, at: endpoint, secrets)
        return reply
    }

    /// The server's reply, which the cassette hears too.
    private func asked(
        _ request: ChatRequest, _ purpose: ChatPurpose, _ onText: (@Sendable (String?) -> Void)?
    ) async throws -> ChatReply {
        do {
            let reply = try await answer(request, purpose, onText)
            try cassette?.record(.success(reply), to: request, at: endpoint, secrets)
            return reply
        } catch let error as ChatError {
            try cassette?.record(.failure(error), to: request, at: endpoint, secrets)
            throw error
        }
    }

    /// Where a request goes.
    func url(of request: ChatRequest) -> String { request.prompt == nil ? chatURL : completionURL }

    private func check(_ request: ChatRequest) throws {
        func refuse(_ message: String) -> ChatError { ChatError(.configuration, "\(endpoint.name): \(message)") }
        if request.model.isEmpty { throw refuse("the request names no model") }
        if let prompt = request.prompt {
            if prompt.isEmpty || !request.messages.isEmpty {
                throw refuse("a request has either messages or a text to complete")
            }
            if endpoint.provider == .anthropic {
                throw refuse("Anthropic's API completes no text; ask in the chat form")
            }
        } else if request.messages.isEmpty {
            throw refuse("the request has no messages")
        }
        if request.n < 1 { throw refuse("the request wants \(request.n) replies; ask for at least 1") }
        if let most = request.maxTokens, most < 1 { throw refuse("the request wants \(most) tokens at most") }
        if let temperature = request.temperature, !(temperature >= 0 && temperature.isFinite) {
            throw refuse("the request has the temperature \(temperature)")
        }
    }

    /// A reply that was asked for before: it costs nothing now.
    private func replayed(
        _ reply: ChatReply, _ request: ChatRequest, _ purpose: ChatPurpose, _ onText: (@Sendable (String?) -> Void)?
    ) -> ChatReply {
        ledger.replay(
            ChatCall(
                purpose: purpose, endpoint: endpoint.name, model: request.model, usage: reply.usage, cost: 0,
                seconds: 0, outcome: "replayed"))
        onText?(reply.text)
        return ChatReply(choices: reply.choices, model: reply.model, usage: reply.usage, cost: 0, attempts: 0)
    }

    /// The reply with all choices that were asked for; what one request does not bring, further ones do.
    private func answer(
        _ request: ChatRequest, _ purpose: ChatPurpose, _ onText: (@Sendable (String?) -> Void)?
    ) async throws -> ChatReply {
        var first = request
        if !api.takesSeveralReplies { first.n = 1 }
        let begun = try await call(first, purpose, onText)
        let missing = request.n - begun.choices.count
        guard missing > 0 else { return begun }
        let rest = try await withThrowingTaskGroup(of: (Int, ChatReply).self) { group in
            for number in 1...missing {
                var single = request
                single.n = 1
                // The same seed again would bring the same reply again.
                single.seed = request.seed.map { $0 &+ number }
                let asked = single
                group.addTask { (number, try await self.call(asked, purpose, nil)) }
            }
            var replies: [(Int, ChatReply)] = []
            for try await reply in group { replies.append(reply) }
            return replies.sorted { $0.0 < $1.0 }.map(\.1)
        }
        return rest.reduce(begun) { $0.joined(with: $1) }
    }
}

extension ChatReply {
    /// The choices, usage and cost of both.
    fileprivate func joined(with other: ChatReply) -> ChatReply {
        ChatReply(
            choices: choices + other.choices.prefix(1), model: model,
            usage: usage + other.usage,
            cost: cost.flatMap { one in other.cost.map { one + $0 } }, attempts: attempts + other.attempts,
            seconds: max(seconds, other.seconds))
    }
}
