import ChatClient

/// Runs the body for every item, at most `width` at a time, and hands each result on as soon as it is there.
///
/// `receive` runs one at a time, in the order in which results arrive; what it or a body throws ends the rest. When a
/// budget is reached, calls on their way are waited for and received before that is thrown: they are paid for.
func forEachConcurrently<Item: Sendable, Result: Sendable>(
    _ items: [Item], width: Int, _ body: @escaping @Sendable (Item) async throws -> Result,
    receive: (Int, Result) async throws -> Void
) async throws {
    try await withThrowingTaskGroup(of: (Int, Result).self) { group in
        var next = 0
        func start() {
            guard next < items.count else { return }
            let (index, item) = (next, items[next])
            next += 1
            group.addTask { (index, try await body(item)) }
        }
        for _ in 0..<max(1, width) { start() }
        var spent: ChatError?
        while !group.isEmpty {
            do {
                guard let (index, result) = try await group.next() else { break }
                try await receive(index, result)
            } catch let error as ChatError where error.kind == .budgetReached {
                spent = spent ?? error
            }
            if spent == nil { start() }
        }
        if let spent { throw spent }
    }
}
