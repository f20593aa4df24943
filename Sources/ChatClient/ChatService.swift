/// Anything that answers chat requests: a remote server, a cassette, a scripted reply in a test.
public protocol ChatService: Sendable {
    /// Answers a request, retries included; throws `ChatError`.
    ///
    /// - Parameter purpose: who asks, for the ledger of usage and cost.
    func complete(_ request: ChatRequest, for purpose: ChatPurpose) async throws -> ChatReply
}

/// Who asks: what usage and cost are summed by.
public struct ChatPurpose: Codable, Hashable, Sendable {
    public let campaign: String?
    /// Number of the candidate within its campaign.
    public let candidate: Int?
    /// `write`, `repair`, `judge`, ...
    public let step: String

    public init(step: String, campaign: String? = nil, candidate: Int? = nil) {
        self.step = step
        self.campaign = campaign
        self.candidate = candidate
    }
}
