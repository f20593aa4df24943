/// A client that is made when it is first asked, so that work which turns out to ask nothing needs no key and no server.
public actor DeferredChatClient: ChatService {
    private let make: @Sendable () async throws -> ChatClient
    private var making: Task<ChatClient, any Error>?

    public init(_ make: @escaping @Sendable () async throws -> ChatClient) { self.make = make }

    public func complete(_ request: ChatRequest, for purpose: ChatPurpose) async throws -> ChatReply {
        try await client().complete(request, for: purpose)
    }

    /// One for all that ask; after a failure the next who asks tries again.
    private func client() async throws -> ChatClient {
        let task = making ?? Task { [make] in try await make() }
        making = task
        do {
            return try await withTaskCancellationHandler {
                try await task.value
            } onCancel: {
                task.cancel()
            }
        } catch {
            making = nil
            throw error
        }
    }
}
