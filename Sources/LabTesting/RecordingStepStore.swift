public import LabCore

/// A step store that counts what is written and can end the run at the n-th write, as `kill -9` would.
public actor RecordingStepStore: StepStore {
    public enum Death: Sendable {
        /// The value is lost.
        case beforeWriting
        /// The value is stored, but the caller never hears of it.
        case afterWriting
    }

    public struct Killed: Error, CustomStringConvertible {
        public let description = "killed"
    }

    private let base: any StepStore
    private let killAt: Int?
    private let death: Death
    /// Writes so far, the killed one included.
    public private(set) var writes = 0
    /// How often each key was written; a step done twice has 2.
    public private(set) var writesByKey: [String: Int] = [:]
    private var isDead = false

    public init(_ base: any StepStore, killAt: Int? = nil, death: Death = .beforeWriting) {
        self.base = base
        self.killAt = killAt
        self.death = death
    }

    public func value(for key: String) async throws -> [UInt8]? {
        guard !isDead else { throw Killed() }
        return try await base.value(for: key)
    }

    public func store(_ value: [UInt8], for key: String) async throws {
        guard !isDead else { throw Killed() }
        writes += 1
        let dies = killAt == writes
        if dies { isDead = true }
        if !dies || death == .afterWriting {
            writesByKey[key, default: 0] += 1
            try await base.store(value, for: key)
        }
        if dies { throw Killed() }
    }
}
