/// Runs the body for every item, at most `width` at a time, and hands each result on as soon as it is there.
///
/// `receive` runs one at a time, in the order in which results arrive; what it or a body throws ends the rest.
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
        while let (index, result) = try await group.next() {
            try await receive(index, result)
            start()
        }
    }
}
