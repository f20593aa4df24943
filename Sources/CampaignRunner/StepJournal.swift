import Foundation
import LabCore
import Logging

/// Finished steps as typed values: reads what an earlier run finished, keeps what this one finishes.
struct StepJournal: Sendable {
    let store: any StepStore
    let logger: Logger

    /// The value a finished step left, or `nil` when the step is still to be done.
    ///
    /// A value that cannot be decoded (written by another version) counts as still to be done, with a warning.
    func finished<Value: Decodable>(_ key: String, as type: Value.Type = Value.self) async throws -> Value? {
        let bytes: [UInt8]?
        do { bytes = try await store.value(for: key) } catch {
            try Task.checkCancellation()
            throw CampaignError(.storage, "step \(key) could not be read: \(error)")
        }
        guard let bytes else { return nil }
        do { return try JSONDecoder.steps.decode(Value.self, from: Data(bytes)) } catch {
            logger.warning("step \(key) is unreadable and will be done again: \(error)")
            return nil
        }
    }

    /// Keeps a finished step's value, also while the campaign is being cancelled: what is done is not to be lost.
    func keep<Value: Encodable & Sendable>(_ value: Value, for key: String) async throws {
        let store = store
        do {
            let bytes = [UInt8](try JSONEncoder.steps.encode(value))
            try await Task { try await store.store(bytes, for: key) }.value
        } catch {
            throw CampaignError(.storage, "step \(key) could not be stored: \(error)")
        }
    }

    /// The finished value, or the operation's, kept before it is returned.
    func once<Value: Codable & Sendable>(
        _ key: String, _ operation: () async throws -> Value
    ) async throws -> (value: Value, reused: Bool) {
        if let value: Value = try await finished(key) { return (value, true) }
        let value = try await operation()
        try await keep(value, for: key)
        return (value, false)
    }
}

extension JSONEncoder {
    fileprivate static var steps: JSONEncoder {
        let encoder = JSONEncoder()
        // A diverged training may leave an infinite metric; the step must be storable all the same.
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        if let key = CodingUserInfoKey.numberPacking { encoder.userInfo[key] = NumberPacking.everything }
        return encoder
    }
}

extension JSONDecoder {
    fileprivate static var steps: JSONDecoder {
        let decoder = JSONDecoder()
        decoder.nonConformingFloatDecodingStrategy = .convertFromString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        return decoder
    }
}
