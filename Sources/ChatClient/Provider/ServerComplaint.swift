import Foundation

/// What a server says when it does not answer: the shapes of OpenAI, Anthropic, vLLM, llama.cpp, Ollama, OpenRouter and
/// LiteLLM read into one, and sorted by what the user can do about it.
struct ServerComplaint: Hashable {
    let status: Int
    let type: String
    let code: String
    let parameter: String
    let message: String

    init(status: Int, body: [UInt8]) {
        guard let value = try? JSONParser.parse(body) else {
            self.init(status: status, message: Self.plain(String(decoding: body.prefix(2000), as: UTF8.self)))
            return
        }
        self.init(status: status, body: value)
    }

    init(status: Int, body: JSONValue) {
        // {"error": {...}}, {"error": "..."}, {"detail": ...}, or the error itself at the top.
        let error = body["error"] ?? body["detail"] ?? body
        let message = error["message"] ?? error["detail"] ?? error
        self.init(
            status: status, type: error["type"]?.string ?? "", code: error["code"]?.plainText ?? "",
            parameter: error["param"]?.plainText ?? "", message: String(message.plainText.prefix(2000)))
    }

    private init(status: Int, type: String = "", code: String = "", parameter: String = "", message: String) {
        self.status = status
        self.type = type
        self.code = code
        self.parameter = parameter
        self.message = message
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

    /// What words and codes say comes before what the status says: proxies and gateways change the latter.
    var meaning: Meaning {
        let labels = "\(type) \(code)".lowercased()
        let words = message.lowercased()
        func says(_ phrases: String...) -> Bool { phrases.contains { words.contains($0) || labels.contains($0) } }

        if says("insufficient_quota", "credit balance is too low", "billing_hard_limit", "insufficient credits")
            || status == 402
        {
            return .quotaUsedUp
        }
        // Before anything that reads words: an overloaded server may mention a model or a context.
        if status == 429 { return says("request too large") ? .contextOverflow : .tooManyRequests }
        if says(
            "context_length_exceeded", "exceed_context_size", "contextwindowexceeded", "maximum context length",
            "context window", "prompt is too long", "exceeds the available context", "exceed context limit",
            "context length exceeded", "maximum model length")
            || status == 413
        {
            return .contextOverflow
        }
        if says("content_filter", "content_policy", "contentpolicyviolation", "content management policy")
            || status == 403 && says("flagged", "moderation")
        {
            return .contentRefused
        }
        if says(
            "model_not_found", "invalid model name", "not a valid model", "no such model", "server is pinned to")
        {
            return .unknownModel
        }
        if status == 401 || status == 403
            || says(
                "invalid_api_key", "authentication_error", "auth_error", "permission_error", "incorrect api key",
                "invalid api key", "no api key passed", "no connected db", "api key is required")
        {
            return .refusedKey
        }
        if [400, 404, 422].contains(status), says("model"),
            says("does not exist", "not found", "unknown model", "not_found", "model:")
        {
            return .unknownModel
        }
        if status == 400 || status == 422 {
            if says("max_completion_tokens"), says("max_tokens") { return .wants(.maxCompletionTokens) }
            if says("stream_options") { return .wants(.noStreamOptions) }
            if says("response_format"), says("support", "unknown", "unrecognized", "unexpected", "not permitted") {
                return .wants(.noResponseFormat)
            }
        }
        switch status {
        case 408, 409, 425: return .temporaryTrouble
        case 501, 505: return .badRequest
        case 500...: return .temporaryTrouble
        case 300..<400, 404, 405: return .wrongPlace
        default: return .badRequest
        }
    }
}
