extension ChatClient {
    /// So few that it costs next to nothing, and as many as the servers want that refuse fewer.
    private static let probeTokens = 16

    /// Asks for a few tokens, to see before anything expensive that the server is there, takes the key and knows the model.
    ///
    /// What is answered does not matter. A server that turns just this request down, as some do where a model that reasons
    /// is given so few tokens, has read it, and so is fine; a budget that does not hold it is the campaign's to meet.
    ///
    /// - Throws: `ChatError` for whatever else keeps the model from answering, after the endpoint's retries.
    public func probe(_ model: String, for purpose: ChatPurpose) async throws {
        let request = ChatRequest(
            model: model, messages: [ChatMessage(.user, "Answer with the one word OK.")], maxTokens: Self.probeTokens)
        do { _ = try await complete(request, for: purpose) } catch let error as ChatError {
            switch error.kind {
            case .badRequest, .contentRefused, .contextOverflow, .budgetReached: return
            case .refusedKey, .unknownModel, .rateLimited, .serverError, .network, .timedOut, .malformedReply,
                .cancelled, .configuration:
                throw error
            }
        }
    }
}
