import Foundation

extension ChatEndpoint {
    /// Headers that carry keys: their values belong into environment variables.
    private static let keyHeaders: Set<String> = [
        "authorization", "proxy-authorization", "x-api-key", "api-key", "cookie", "x-goog-api-key",
    ]

    /// Where requests go: conversations, or texts to complete.
    ///
    /// - Throws: `ChatError` of kind `configuration` naming the field that is wrong.
    func validatedURL(forCompletions: Bool = false) throws -> String {
        func refuse(_ message: String) -> ChatError { ChatError(.configuration, "\(name): \(message)") }
        guard var parts = URLComponents(string: baseURL), let scheme = parts.scheme?.lowercased(),
            ["http", "https"].contains(scheme), let host = parts.host, !host.isEmpty
        else { throw refuse("baseURL is no http or https URL, such as http://localhost:11434/v1") }
        guard parts.user == nil, parts.password == nil else {
            throw refuse("baseURL holds a user name or a key; name an environment variable in keyEnvironment instead")
        }
        let keyNames = ["key", "api_key", "api-key", "apikey", "token", "access_token"]
        if let item = parts.queryItems?.first(where: { keyNames.contains($0.name.lowercased()) }) {
            throw refuse("baseURL holds a key in `\(item.name)`; name an environment variable in extraHeaders instead")
        }
        for (field, value) in [("concurrency", concurrency), ("defaultMaxTokens", defaultMaxTokens)] where value < 1 {
            throw refuse("\(field) must be at least 1")
        }
        for (field, value) in [
            ("requestsPerMinute", requestsPerMinute), ("tokensPerMinute", tokensPerMinute),
            ("contextTokens", contextTokens),
        ] {
            if let value, value < 1 { throw refuse("\(field) must be at least 1") }
        }
        guard retries >= 0 else { throw refuse("retries must not be negative") }
        if let proxy, proxy.contains("@") {
            throw refuse("proxy holds a user name; set the environment variable https_proxy instead")
        }
        for header in extraHeaders.keys {
            guard header.wholeMatch(of: /[A-Za-z0-9_-]+/) != nil else {
                throw refuse("extraHeaders: no header: \(header)")
            }
            if Self.keyHeaders.contains(header.lowercased()),
                extraHeaders[header]?.wholeMatch(of: /\$\{\w+\}/) == nil
            {
                throw refuse("extraHeaders.\(header) must name an environment variable, such as ${MY_KEY}")
            }
        }
        if let caFile, !FileManager.default.isReadableFile(atPath: caFile) {
            throw refuse("caFile \(caFile) cannot be read")
        }
        parts.fragment = nil
        parts.path = path(after: parts.path, forCompletions)
        guard let url = parts.string else { throw refuse("baseURL is no URL") }
        return url
    }

    private func path(after base: String, _ forCompletions: Bool) -> String {
        var base = base
        while base.hasSuffix("/") { base.removeLast() }
        let chat = provider == .openai ? "/chat/completions" : "/messages"
        // A baseURL may name the place of either form.
        for leaf in [chat, "/completions"] where base.hasSuffix(leaf) {
            base.removeLast(leaf.count)
            return base + (forCompletions ? "/completions" : chat)
        }
        return (base.isEmpty ? "/v1" : base) + (forCompletions ? "/completions" : chat)
    }
}
