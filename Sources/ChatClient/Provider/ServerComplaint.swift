import Foundation

/// What a server says when it does not answer: the shapes of OpenAI, Anthropic, vLLM, llama.cpp, Ollama, OpenRouter and
/// LiteLLM read into one, and sorted by what the user can do about it.
struct ServerComplaint: Hashable {
    let status: Int
    let type: String
    let code: String
    let parameter: String
    let message: String

    /// How long the words ask to wait, such as "try again in 20 s" or a `retryDelay`.
    let wait: Duration?

    init(status: Int, body: [UInt8]) {
        guard let value = try? JSONParser.parse(body) else {
            let text = String(decoding: body.prefix(2000), as: UTF8.self)
            self.init(status: status, message: Self.plain(text), wait: RetrySchedule.asked(in: text))
            return
        }
        self.init(status: status, body: value)
    }

    init(status: Int, body: JSONValue) {
        // {"error": {...}}, {"error": "..."}, {"errors": [...]}, {"detail": ...}, or the error itself at the top; each
        // also as the one thing in a list.
        let top = body.array?.first ?? body
        var error = top["error"] ?? top["errors"] ?? top["detail"] ?? top
        if let first = error.array?.first, error.array?.count == 1, first["message"] != nil { error = first }
        let message = error["message"] ?? error["detail"] ?? error
        let code = error["code"]?.plainText ?? ""
        self.init(
            status: status, type: error["type"]?.string ?? "",
            code: [code, error["status"]?.string ?? ""].filter { !$0.isEmpty }.joined(separator: " "),
            parameter: error["param"]?.plainText ?? "", message: String(message.plainText.prefix(2000)),
            wait: RetrySchedule.asked(in: String(body.plainText.prefix(20_000))))
    }

    private init(
        status: Int, type: String = "", code: String = "", parameter: String = "", message: String, wait: Duration?
    ) {
        self.status = status
        self.type = type
        self.code = code
        self.parameter = parameter
        self.message = message
        self.wait = wait
    }

    /// A page's text without its tags.
    private static func plain(_ text: String) -> String {
        text.replacing(/<[^>]*>/, with: " ").replacing(/\s+/, with: " ").trimmingCharacters(in: .whitespaces)
    }

    enum Meaning: Hashable {
        case refusedKey, unknownModel, contextOverflow, contentRefused
        /// No money left: waiting does not help.
        case quotaUsedUp
        case tooManyRequests, temporaryTrouble, badRequest
        /// The same request in another form may do.
        case wants(Adaptations.Adaptation)
        /// Not the URL of a chat API.
        case wrongPlace
    }

    /// Words for a prompt that is too long, alone or together with the reply's limit: OpenAI's and what follows it,
    /// llama.cpp's, LM Studio's, SGLang's, TGI's, TensorRT-LLM's, Gemini's, vLLM's, and those of some providers.
    private static let overflow = [
        "context_length_exceeded", "exceed_context_size", "contextwindowexceeded", "maximum context length",
        "context window", "exceeds the available context", "exceed context limit", "context length exceeded",
        "exceeds the context length", "reduce the length of", "maximum prompt length",
        "trying to keep the first", "greater than the context length", "larger context length",
        "longer than the model's context length", "exceeds the maximum allowed length",
        "`inputs` tokens + `max_new_tokens` must be", "`inputs` must have less than",
        "exceeds maximum input length", "exceeds maximum sequence length", "not exceed max_num_tokens",
        "exceeds max_num_tokens", "larger than max_seq_len", "exceeds max_seq_len", "larger than `max_seq_len`",
        "exceeds the maximum number of tokens allowed",
        "max_tokens must be at least 1, got -", "max_completion_tokens must be at least 1, got -",
        "maximum model length",
        "prompt is too long", "input is too long", "input tokens exceed",
    ]

    // A Regex never changes; it is only not marked as Sendable.
    /// A key said to be wrong or missing, whatever the order of the words.
    private nonisolated(unsafe) static let refusedKey =
        /api[ _-]?key\b.{0,40}\b(?:not valid|invalid|incorrect|expired|missing|required|not provided|not found|revoked|disabled)|(?:invalid|incorrect|missing|wrong|expired|no|unknown|valid) (?:or missing )?(?:x-)?api[ _-]?key|api_key_invalid/

    /// What words and codes say comes before what the status says: proxies and gateways change the latter.
    ///
    /// - Parameter options: the form in which the request was sent.
    func meaning(_ request: ChatRequest, _ options: BodyOptions) -> Meaning {
        if says(["insufficient_quota", "credit balance is too low", "billing_hard_limit", "insufficient credits"])
            || status == 402
        {
            return .quotaUsedUp
        }
        // Before anything that reads words: an overloaded server may mention a model or a context.
        if status == 429 { return says(["request too large"]) ? .contextOverflow : .tooManyRequests }
        if says(Self.overflow) || status == 413 { return .contextOverflow }
        if says([
            "content_filter", "content_policy", "contentpolicyviolation", "content management policy",
            "content filtering policy",
        ])
            || status == 403 && says(["flagged", "moderation"])
        {
            return .contentRefused
        }
        if says(["model_not_found", "invalid model name", "not a valid model", "no such model", "server is pinned to"])
        {
            return .unknownModel
        }
        if status == 401 || status == 403 || isAboutTheKey { return .refusedKey }
        if let adaptation = lesson(request, options) { return .wants(adaptation) }
        if [400, 404, 422].contains(status), says(["model"]),
            says(["does not exist", "not found", "unknown model", "not_found", "model:"])
        {
            return .unknownModel
        }
        switch status {
        case 408, 409, 425: return .temporaryTrouble
        case 501, 505: return .badRequest
        case 500...: return .temporaryTrouble
        case 300..<400, 404, 405: return .wrongPlace
        default: return .badRequest
        }
    }

    private var isAboutTheKey: Bool {
        says([
            "invalid_api_key", "authentication_error", "auth_error", "permission_error", "no connected db",
            "unauthenticated", "invalid authentication",
        ]) || status < 500 && "\(type) \(code) \(message)".lowercased().contains(Self.refusedKey)
    }
}
