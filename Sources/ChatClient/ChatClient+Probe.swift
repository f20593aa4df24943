extension ChatClient {
    /// Asks for a word in the form of each request that will be sent, to see before anything expensive that the server is
    /// there, takes the key, knows the model and takes such requests. What a model refuses and can do without is learnt.
    ///
    /// What is answered does not matter. A server that refuses the content has read it, and so is fine; a budget that does
    /// not hold it is the campaign's to meet.
    ///
    /// - Parameter requests: of each shape one; equal shapes are asked once, with a text of our own.
    /// - Throws: `ChatError` for whatever keeps the model from answering, after the endpoint's retries.
    public func probe(_ requests: [ChatRequest], for purpose: ChatPurpose) async throws {
        var asked: Set<ChatRequest> = []
        for probe in requests.map(\.probe) where asked.insert(probe).inserted {
            do { _ = try await complete(probe, for: purpose) } catch let error as ChatError {
                switch error.kind {
                case .contentRefused, .budgetReached: continue
                case .refusedKey, .unknownModel, .contextOverflow, .badRequest, .rateLimited, .serverError, .network,
                    .timedOut, .malformedReply, .cancelled, .configuration:
                    throw error
                }
            }
        }
    }
}

extension ChatRequest {
    /// The same request for a word: every field that a server may refuse stays, the texts become short.
    var probe: ChatRequest {
        var probe = self
        if prompt != nil {
            // Ends with the line, however much a base model would go on to say.
            probe.prompt = "# Counting: one, two,"
            probe.stop = ["\n"]
            probe.seed = seed == nil ? nil : 1
            return probe
        }
        let task = format == .text ? "Answer with the one word OK." : #"Answer with the JSON object {"ok": true}."#
        let system = messages.contains { $0.role == .system }
        probe.messages = (system ? [ChatMessage(.system, "You answer shortly.")] : []) + [ChatMessage(.user, task)]
        probe.seed = seed == nil ? nil : 1
        return probe
    }
}
