public import ChatClient
import Foundation
public import LabCore

/// Asks the model; a call that was answered once is never made again, whatever killed the process in between.
public struct ModelCaller: Sendable {
    let service: any ChatService
    let config: ProposingModelConfig
    let campaign: String
    let store: any StepStore
    let log: any ConversationLog

    /// - Parameters:
    ///   - store: the campaign's finished steps; keys here begin with `proposer/`.
    ///   - log: where every call is written down.
    public init(
        service: any ChatService, config: ProposingModelConfig, campaign: String, store: any StepStore,
        log: any ConversationLog
    ) {
        self.service = service
        self.config = config
        self.campaign = campaign
        self.store = store
        self.log = log
    }

    /// What is put to the model.
    enum Question: Sendable {
        case messages([ChatMessage])
        /// A text to go on from, up to one of the stops.
        case completion(String, stop: [String])

        /// Everything that the model reads.
        var text: String {
            switch self {
            case .messages(let messages): messages.map(\.content).joined(separator: "\n\n")
            case .completion(let prompt, _): prompt
            }
        }
    }

    /// What one call is for.
    struct Call: Sendable {
        let candidate: Int
        let step: ProgramStep
        /// Which call of this step for this candidate, from 1.
        let number: Int
        let question: Question
        /// Added to the step's temperature.
        var warmer = 0.0
        let seed: UInt64
    }

    /// The request of a step, as every call of it is sent.
    static func request(
        _ question: Question, _ step: ProgramStep, _ config: ProposingModelConfig, warmer: Double = 0, seed: Int? = nil
    ) -> ChatRequest {
        let temperature = step.temperature(within: config).map { max($0, min($0 + warmer, hottest)) }
        switch question {
        case .completion(let prompt, let stop):
            return ChatRequest(
                model: config.model, completing: prompt, temperature: temperature, maxTokens: config.maxTokens,
                seed: seed, stop: stop)
        case .messages(let messages):
            let format: ChatRequest.ReplyFormat =
                switch step.answer {
                case .json: .json
                case .lossObject: .schema(name: "loss", schema: lossSchema)
                case .text, .completion: .text
                }
            return ChatRequest(
                model: config.model, messages: messages, temperature: temperature, maxTokens: config.maxTokens,
                seed: seed, format: format, reasoningEffort: config.reasoningEffort)
        }
    }

    /// Above this even large models write little that parses.
    private static let hottest = 1.3

    /// Equal prompts of one generation shall not get equal answers; only some servers know a seed.
    static func seed(_ seed: UInt64, _ config: ProposingModelConfig) -> Int? {
        config.endpoint.provider == "openai" ? Int(seed % 0x7FFF_FFFF) : nil
    }

    /// The paper's answer: the thought comes first, so that the code follows from it.
    private static let lossSchema =
        #"{"type":"object","properties":{"thought":{"type":"string"},"name":{"type":"string"},"code":{"type":"string"}},"#
        + #""required":["thought","name","code"],"additionalProperties":false}"#

    /// The reply, from the store where the same call was answered before.
    ///
    /// - Throws: `ModelHalt` when nothing more can be asked at all; `ChatError` for what is our fault and may pass.
    func reply(to call: Call) async throws -> ChatReply {
        let request = Self.request(
            call.question, call.step, config, warmer: call.warmer, seed: Self.seed(call.seed, config))
        let digest = String(ContentHash.sha256(try Self.encoded(request)).prefix(16))
        let key = "proposer/\(call.candidate)/\(call.step.name)/\(call.number)/\(digest)"
        if let bytes = try await store.value(for: key),
            let exchange = try? JSONDecoder().decode(Exchange.self, from: Data(bytes)), let reply = exchange.reply
        {
            try await log.append(exchange)
            return reply
        }
        func exchange(_ reply: ChatReply?, _ failure: Exchange.Failure? = nil) -> Exchange {
            Exchange(
                candidate: call.candidate, step: call.step.name, call: call.number, digest: digest, request: request,
                reply: reply, failure: failure)
        }
        do {
            let purpose = ChatPurpose(step: call.step.name, campaign: campaign, candidate: call.candidate)
            let answered = exchange(try await service.complete(request, for: purpose))
            return try await keep(answered, for: key)
        } catch let error as ChatError {
            switch error.kind {
            case .cancelled:
                throw error
            case .budgetReached:
                throw ModelHalt(.budget, error.message)
            case .refusedKey, .unknownModel, .configuration:
                try await log.append(exchange(nil, .init(kind: error.kind, message: error.message)))
                throw ModelHalt(.misconfigured, error.message)
            case .contentRefused:
                // The model's decision, not a fault of ours: an answer without a loss in it.
                let refusal = ChatReply(
                    choices: [.init(text: "", finish: .refusal)], model: config.model, usage: ChatUsage())
                return try await keep(exchange(refusal), for: key)
            case .contextOverflow, .badRequest, .rateLimited, .serverError, .network, .timedOut, .malformedReply:
                try await log.append(exchange(nil, .init(kind: error.kind, message: error.message)))
                throw error
            }
        }
    }

    /// Stored first, so that what was paid for is never asked again; also while the campaign is being cancelled.
    private func keep(_ exchange: Exchange, for key: String) async throws -> ChatReply {
        let (store, log) = (store, log)
        let bytes = try Self.encoded(exchange)
        try await Task {
            try await store.store(bytes, for: key)
            try await log.append(exchange)
        }.value
        return exchange.reply ?? ChatReply(choices: [], model: config.model, usage: ChatUsage())
    }

    /// The same value always in the same bytes.
    private static func encoded(_ value: some Encodable) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return [UInt8](try encoder.encode(value))
    }
}
