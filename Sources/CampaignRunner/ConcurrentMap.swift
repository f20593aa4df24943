/// Applies an operation to every element, at most `limit` at a time, and returns the results in the order of the elements.
///
/// So nothing that follows can depend on which finished first. The first error cancels the rest and is rethrown.
func concurrentMap<Element: Sendable, Result: Sendable>(
    _ elements: [Element], limit: Int, _ operation: @escaping @Sendable (Element) async throws -> Result
) async throws -> [Result] {
    var results = [Result?](repeating: nil, count: elements.count)
    try await withThrowingTaskGroup(of: (Int, Result).self) { group in
        var next = 0
        func startNext() {
            guard next < elements.count else { return }
            let index = next
            let element = elements[index]
            next += 1
            group.addTask { (index, try await operation(element)) }
        }
        for _ in 0..<max(1, limit) { startNext() }
        while let (index, result) = try await group.next() {
            results[index] = result
            try Task.checkCancellation()
            startNext()
        }
    }
    return results.compactMap { $0 }
}
