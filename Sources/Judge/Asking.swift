import ChatClient

/// What came of one request to a judge, answers shortened where they had to be.
struct Asked {
    /// The conversation as it was sent last.
    let messages: [ChatMessage]
    let reply: ChatReply?
    /// Why there is no reply.
    let failure: ChatError?
    /// The answers were shortened to fit the judge's context.
    let cut: Bool
}

extension JudgeSettings {
    /// How often answers that do not fit are shortened before they go ungraded.
    private static let mostCuts = 8

    /// Sends a conversation that shows answers, with all of them shortened until it fits the judge.
    ///
    /// A request that fails is a result; throws only what would fail every other request too.
    func ask(
        _ service: any ChatService, about answers: [String], messages build: ([String]) throws -> [ChatMessage]
    ) async throws -> Asked {
        var shown = answers
        var cuts = 0
        while true {
            let messages = try build(shown)
            let hopeless = cuts == Self.mostCuts
            if hopeless || !overflows(messages) {
                do {
                    let reply = try await service.complete(request(messages), for: purpose)
                    return Asked(messages: messages, reply: reply, failure: nil, cut: cuts > 0)
                } catch let error as ChatError where !error.endsTheRun {
                    guard error.kind == .contextOverflow, !hopeless else {
                        return Asked(messages: messages, reply: nil, failure: error, cut: cuts > 0)
                    }
                }
            }
            cuts += 1
            let longest = shown.map(\.count).max() ?? 0
            shown = shown.map { shortened($0, to: longest * 3 / 5) }
        }
    }
}
