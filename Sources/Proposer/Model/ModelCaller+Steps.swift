import Foundation

extension ModelCaller {
    /// A finished step's value, or `nil`.
    func stored<Value: Decodable>(_ key: String) async throws -> Value? {
        guard let bytes = try await store.value(for: key) else { return nil }
        return try? JSONDecoder().decode(Value.self, from: Data(bytes))
    }

    /// Keeps a step's value, also while the campaign is being cancelled.
    func store(_ value: some Encodable & Sendable, as key: String) async throws {
        let store = store
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        let bytes = [UInt8](try encoder.encode(value))
        try await Task { try await store.store(bytes, for: key) }.value
    }
}
