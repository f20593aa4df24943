import Synchronization

/// Lets one task in at a time for each key: whoever wants the same as another waits until that one is done.
final class KeyedGate: Sendable {
    private struct Place {
        let gate = Gate(1)
        var users = 0
    }

    private let places = Mutex<[String: Place]>([:])

    /// Waits until no one else is in with this key; each call that returns needs one `leave`.
    ///
    /// - Throws: `CancellationError`, and then there is nothing to leave.
    func enter(_ key: String) async throws(CancellationError) {
        let gate = places.withLock { places in
            places[key, default: Place()].users += 1
            return places[key]?.gate
        }
        do { _ = try await gate?.enter() } catch {
            forget(key)
            throw error
        }
    }

    func leave(_ key: String) {
        places.withLock { $0[key]?.gate }?.leave()
        forget(key)
    }

    /// Nothing is kept of a key that no one is in with or waits for.
    private func forget(_ key: String) {
        places.withLock { places in
            places[key]?.users -= 1
            if places[key]?.users == 0 { places[key] = nil }
        }
    }
}
