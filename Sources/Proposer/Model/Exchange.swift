public import ChatClient

/// One call of a model as it went: exactly what was asked and what came back, or why nothing did.
///
/// A line of `conversations/NNNN.jsonl` in the run directory, NNNN being the candidate's number.
public struct Exchange: Codable, Sendable, Equatable {
    public struct Failure: Codable, Sendable, Equatable {
        public let kind: ChatError.Kind
        public let message: String
    }

    public let candidate: Int
    /// The step of the program that asked: `analyse`, `write`, `repair`, ...
    public let step: String
    /// Which call of this step for this candidate, from 1.
    public let call: Int
    /// Hash of the request; with candidate, step and call it names a finished call.
    public let digest: String
    public let request: ChatRequest
    /// `nil` for a call that failed after all retries.
    public let reply: ChatReply?
    public let failure: Failure?

    init(
        candidate: Int, step: String, call: Int, digest: String, request: ChatRequest, reply: ChatReply?,
        failure: Failure? = nil
    ) {
        self.candidate = candidate
        self.step = step
        self.call = call
        self.digest = digest
        self.request = request
        self.reply = reply
        self.failure = failure
    }

    /// Names a finished call; `nil` for a failed one, of which there may be several alike.
    public var identity: String? { reply == nil ? nil : "\(step)/\(call)/\(digest)" }
}

/// Keeps every call for people and audits. Never read by the proposer.
public protocol ConversationLog: Sendable {
    /// Appends a call; one whose identity is there already is left out.
    func append(_ exchange: Exchange) async throws
}
