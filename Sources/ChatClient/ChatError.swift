/// Why a chat request got no reply: which kind of trouble, what the server said, and what to do.
public struct ChatError: Error, Hashable, Sendable, CustomStringConvertible {
    public enum Kind: String, Codable, Sendable, CaseIterable {
        /// The server does not accept the key.
        case refusedKey
        case unknownModel
        /// The messages do not fit the model's context.
        case contextOverflow
        case contentRefused
        case badRequest
        /// Too many requests or an exhausted quota, still so after all retries.
        case rateLimited
        case serverError
        /// No connection, a name that does not resolve, a refused certificate, a dropped connection.
        case network
        case timedOut
        /// A reply that is no reply: not JSON, cut off, without choices.
        case malformedReply
        /// The next call could pass the budget in dollars, tokens or calls.
        case budgetReached
        case cancelled
        /// A missing key, a URL that is none.
        case configuration
    }

    public let kind: Kind
    /// In plain words, naming the endpoint and the next step; never a key.
    public let message: String
    /// HTTP status, when there was one.
    public let status: Int?

    public init(_ kind: Kind, _ message: String, status: Int? = nil) {
        self.kind = kind
        self.message = message
        self.status = status
    }

    public var description: String { message }

    /// Whether the same request may succeed later.
    public var isTransient: Bool {
        switch kind {
        case .rateLimited, .serverError, .network, .timedOut, .malformedReply: true
        case .refusedKey, .unknownModel, .contextOverflow, .contentRefused, .badRequest, .budgetReached, .cancelled,
            .configuration:
            false
        }
    }
}
