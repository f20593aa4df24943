/// As a file: every field may be missing; durations are seconds, or text such as `90s`, `15m` and `2h`.
extension ChatEndpoint: Codable {
    private enum CodingKeys: String, CodingKey {
        case name, provider, baseURL, keyEnvironment, keyFile, concurrency, requestsPerMinute, tokensPerMinute,
            timeouts, retries, backoff, caFile, proxy, contextTokens, defaultMaxTokens, extraHeaders
    }

    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        let defaults = ChatEndpoint()
        self.init(
            name: try values.decodeIfPresent(String.self, forKey: .name),
            provider: try values.decodeIfPresent(Provider.self, forKey: .provider) ?? defaults.provider,
            baseURL: try values.decodeIfPresent(String.self, forKey: .baseURL),
            keyEnvironment: try values.decodeIfPresent(String.self, forKey: .keyEnvironment),
            keyFile: try values.decodeIfPresent(String.self, forKey: .keyFile),
            concurrency: try values.decodeIfPresent(Int.self, forKey: .concurrency) ?? defaults.concurrency,
            requestsPerMinute: try values.decodeIfPresent(Int.self, forKey: .requestsPerMinute),
            tokensPerMinute: try values.decodeIfPresent(Int.self, forKey: .tokensPerMinute),
            timeouts: try values.decodeIfPresent(ChatTimeouts.self, forKey: .timeouts) ?? defaults.timeouts,
            retries: try values.decodeIfPresent(Int.self, forKey: .retries) ?? defaults.retries,
            backoff: try values.decodeIfPresent(Seconds.self, forKey: .backoff)?.duration ?? defaults.backoff,
            caFile: try values.decodeIfPresent(String.self, forKey: .caFile),
            proxy: try values.decodeIfPresent(String.self, forKey: .proxy),
            contextTokens: try values.decodeIfPresent(Int.self, forKey: .contextTokens),
            defaultMaxTokens: try values.decodeIfPresent(Int.self, forKey: .defaultMaxTokens)
                ?? defaults.defaultMaxTokens,
            extraHeaders: try values.decodeIfPresent([String: String].self, forKey: .extraHeaders) ?? [:])
    }

    public func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(name, forKey: .name)
        try values.encode(provider, forKey: .provider)
        try values.encode(baseURL, forKey: .baseURL)
        try values.encodeIfPresent(keyEnvironment, forKey: .keyEnvironment)
        try values.encodeIfPresent(keyFile, forKey: .keyFile)
        try values.encode(concurrency, forKey: .concurrency)
        try values.encodeIfPresent(requestsPerMinute, forKey: .requestsPerMinute)
        try values.encodeIfPresent(tokensPerMinute, forKey: .tokensPerMinute)
        try values.encode(timeouts, forKey: .timeouts)
        try values.encode(retries, forKey: .retries)
        try values.encode(Seconds(duration: backoff), forKey: .backoff)
        try values.encodeIfPresent(caFile, forKey: .caFile)
        try values.encodeIfPresent(proxy, forKey: .proxy)
        try values.encodeIfPresent(contextTokens, forKey: .contextTokens)
        try values.encode(defaultMaxTokens, forKey: .defaultMaxTokens)
        if !extraHeaders.isEmpty { try values.encode(extraHeaders, forKey: .extraHeaders) }
    }
}

extension ChatTimeouts: Codable {
    private enum CodingKeys: String, CodingKey {
        case connect, firstByte, stall, total, call
    }

    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        let defaults = ChatTimeouts()
        func duration(_ key: CodingKeys, _ fallback: Duration) throws -> Duration {
            try values.decodeIfPresent(Seconds.self, forKey: key)?.duration ?? fallback
        }
        self.init(
            connect: try duration(.connect, defaults.connect), firstByte: try duration(.firstByte, defaults.firstByte),
            stall: try duration(.stall, defaults.stall), total: try duration(.total, defaults.total),
            call: try duration(.call, defaults.call))
    }

    public func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        for (key, duration) in [
            (CodingKeys.connect, connect), (.firstByte, firstByte), (.stall, stall), (.total, total), (.call, call),
        ] {
            try values.encode(Seconds(duration: duration), forKey: key)
        }
    }
}

/// A duration in a file.
private struct Seconds: Codable {
    let duration: Duration

    init(duration: Duration) { self.duration = duration }

    init(from decoder: any Decoder) throws {
        let value = try decoder.singleValueContainer()
        let seconds = try? value.decode(Double.self)
        let parsed = try seconds ?? Self.parse(value.decode(String.self))
        guard let parsed, parsed > 0, parsed < 1e9 else {
            throw DecodingError.dataCorruptedError(
                in: value, debugDescription: "a duration is a positive number of seconds, or text such as 90s or 15m")
        }
        duration = .seconds(parsed)
    }

    func encode(to encoder: any Encoder) throws {
        var value = encoder.singleValueContainer()
        try value.encode(duration.inSeconds)
    }

    private static func parse(_ text: String) -> Double? {
        guard let match = text.wholeMatch(of: /([0-9.]+)\s*(ms|s|m|h)/), let number = Double(match.1) else {
            return nil
        }
        return number * (["ms": 0.001, "s": 1, "m": 60, "h": 3600][String(match.2)] ?? 1)
    }
}

extension Duration {
    var inSeconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}
