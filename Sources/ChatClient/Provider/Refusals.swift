/// Refusals of one part of a request, which the model may take without that part or in another form.
extension ServerComplaint {
    /// The form to try instead; `nil` where the complaint names nothing that the request has.
    ///
    /// - Parameter options: the form that was refused.
    func lesson(_ request: ChatRequest, _ options: BodyOptions) -> Adaptations.Adaptation? {
        // Chat templates fail with either status; of other parts a server's own trouble says nothing.
        guard [400, 422].contains(status) || status == 500 && says(["template", "jinja", "role"]) else { return nil }
        let known = options.adaptations
        return Self.parts.first { part in
            (status != 500 || part.adaptation == .plainTurns) && !known.contains(part.adaptation)
                && part.isIn(request, options) && part.isRefused(self)
        }?.adaptation
    }

    /// A part of requests that some servers refuse.
    private struct Part: Sendable {
        let adaptation: Adaptations.Adaptation
        let isIn: @Sendable (ChatRequest, BodyOptions) -> Bool
        let isRefused: @Sendable (ServerComplaint) -> Bool
    }

    private static let parts: [Part] = [
        Part(
            adaptation: .noStreamOptions, isIn: { request, _ in request.stream },
            isRefused: { $0.names("stream_options") }),
        Part(
            adaptation: .maxCompletionTokens,
            isIn: { request, options in request.prompt == nil && options.maxTokens != nil },
            isRefused: {
                $0.parameter == "max_tokens" && $0.says(["unsupported"])
                    || $0.says(["max_completion_tokens"]) && $0.names("max_tokens") && !$0.says(["too large"])
            }),
        Part(
            adaptation: .maxTokens, isIn: { _, options in options.adaptations.contains(.maxCompletionTokens) },
            isRefused: { $0.names("max_completion_tokens") && $0.refuses && !$0.says(["too large"]) }),
        Part(
            adaptation: .noSchema,
            isIn: { request, options in
                if case .schema = request.format { !options.adaptations.contains(.noResponseFormat) } else { false }
            }, isRefused: \.refusesFormat),
        Part(
            adaptation: .noResponseFormat, isIn: { request, _ in request.format != .text }, isRefused: \.refusesFormat),
        Part(
            adaptation: .positiveTemperature, isIn: { request, _ in request.temperature == 0 },
            isRefused: {
                $0.names("temperature") && $0.says(["positive", "greater than 0", "> 0", "above 0", "non-zero", "(0"])
            }),
        Part(
            adaptation: .noTemperature, isIn: { request, _ in request.temperature != nil },
            isRefused: { $0.names("temperature") && $0.refuses }),
        Part(
            adaptation: .noReasoningEffort, isIn: { request, _ in request.reasoningEffort != nil },
            isRefused: { complaint in
                ["reasoning_effort", "reasoning", "thinking"].contains { complaint.names($0) } && complaint.refuses
            }),
        Part(
            adaptation: .noSeed, isIn: { request, _ in request.seed != nil },
            isRefused: { $0.names("seed") && $0.refuses }),
        Part(
            adaptation: .plainTurns, isIn: { request, _ in request.hasSystemOrDoubleTurns },
            isRefused: \.refusesRoles),
        Part(
            adaptation: .noStop, isIn: { request, _ in !request.stop.isEmpty },
            isRefused: {
                ($0.namesAsParameter("stop") || $0.namesAsParameter("stop_sequences") || $0.says(["stop sequences"]))
                    && $0.refuses
            }),
        Part(
            adaptation: .oneReply, isIn: { request, _ in request.n > 1 },
            isRefused: { $0.says(["only one completion"]) || $0.namesAsParameter("n") && $0.refuses }),
    ]

    // MARK: Words

    /// Whether any of the phrases is among the words or labels.
    func says(_ phrases: [String]) -> Bool {
        let words = message.lowercased()
        let labels = "\(type) \(code)".lowercased()
        return phrases.contains { words.contains($0) || labels.contains($0) }
    }

    /// Whether a name stands in the words by itself, or is the parameter that the server names.
    private func names(_ name: String) -> Bool {
        parameter == name || message.lowercased().wordRanges(of: name).contains { _ in true }
    }

    /// As `names`, for names that are also words: they count in quotation marks, and as a label.
    private func namesAsParameter(_ name: String) -> Bool {
        if parameter == name { return true }
        let words = message.lowercased()
        return words.wordRanges(of: name).contains { range in
            let before = words[..<range.lowerBound].suffix(1)
            let after = words[range.upperBound...]
            return "'\"`\u{2018}\u{201C}".contains(before) && !before.isEmpty
                || words[..<range.lowerBound].hasSuffix("parameter: ")
                || words[..<range.lowerBound].hasSuffix("parameter ")
                || words[..<range.lowerBound].hasSuffix("supplied: ")
                || after.hasPrefix(" is not ") || after.hasPrefix(" must ") || after.hasPrefix(" parameter")
                || after.hasPrefix(": ")
        }
    }

    /// Words with which a part of a request is turned down; without them its name may stand in an echo of the request.
    private var refuses: Bool {
        let words = message.lowercased()
        return [
            "support", "must be", "should be", "may only", "can only", "only the", "only be", "has to be", "need to be",
            "not allowed", "not permitted", "not available", "not accept", "unknown", "unrecognized", "unexpected",
            "invalid", "extra", "deprecated", "incompatible", "out of range", "range", "between", "not enabled",
            "not implemented", "cannot", "unable", "not valid", "disabled", "up to",
        ].contains { words.contains($0) }
    }

    private var refusesFormat: Bool {
        (parameter.hasPrefix("response_format")
            || says([
                "response_format", "response format", "json_schema", "json_object", "json mode", "json schema",
                "structured output", "guided decoding", "guided_json", "grammar",
            ])) && (refuses || says(["must contain"]))
    }

    private var refusesRoles: Bool {
        parameter.hasPrefix("messages") && parameter.hasSuffix(".role")
            || says([
                "system role", "system message", "role system", "role 'system'", "role \"system\"", "role `system`",
                "role: system", "support 'system'", "'system' role", "\"system\" role", "must alternate",
                "developer instruction", "system instruction", "user and assistant roles", "system prompt is not",
            ])
    }
}

extension ChatRequest {
    /// Whether the conversation has what plain turns of user and assistant have not.
    fileprivate var hasSystemOrDoubleTurns: Bool {
        messages.contains { $0.role == .system }
            || zip(messages, messages.dropFirst()).contains { $0.role == $1.role }
    }
}

extension String {
    /// Where a name stands that is no part of a longer one.
    fileprivate func wordRanges(of name: String) -> [Range<Index>] {
        func isPart(_ character: Character?) -> Bool {
            character.map { $0.isLetter || $0.isNumber || $0 == "_" } ?? false
        }
        return ranges(of: name).filter { range in
            !isPart(self[..<range.lowerBound].last) && !isPart(self[range.upperBound...].first)
        }
    }
}
