import ChatClient
import Testing

@Suite struct ChatErrorTests {
    @Test(arguments: [ChatError.Kind.refusedKey, .unknownModel, .contextOverflow, .contentRefused, .budgetReached])
    func whatCannotSucceedAgainIsNotTransient(kind: ChatError.Kind) {
        #expect(!ChatError(kind, "").isTransient)
    }
}
