import Synchronization

/// A client that is made when it is first asked, so that work which turns out to ask nothing needs no key.
public final class DeferredChatClient: ChatService {
    private let make: @Sendable () throws -> ChatClient
    private let made = Mutex<ChatClient?>(nil)

    public init(_ make: @escaping @Sendable () throws -> ChatClient) { self.make = make }

    public func complete(_ request: ChatRequest, for purpose: ChatPurpose) async throws -> ChatReply {
        let client = try made.withLock { made in
            if let made { return made }
            let client = try make()
            made = client
            return client
        }
        return try await client.complete(request, for: purpose)
    }
}
