public import LabCore
import Synchronization

/// Finished work in files that carry the hash of their content: what does not match counts as not done, and is told.
public final class SealedStepStore: StepStore {
    private let store: FileStepStore
    private let notes: @Sendable (String) -> Void
    private let toldOfOlder = Mutex(false)

    /// - Parameter notes: told of every kept result that is not used, with its file.
    public init(_ store: FileStepStore, notes: @escaping @Sendable (String) -> Void) {
        self.store = store
        self.notes = notes
    }

    public func value(for key: String) throws -> [UInt8]? {
        guard let bytes = try store.value(for: key) else { return nil }
        switch Sealed.open(bytes, as: key) {
        case .sound(let content): return content
        case .changed:
            notes(
                "\(try store.path(of: key)) is not what was kept there (its SHA-256 differs): it is not used, and the work is "
                    + "done again")
        case .unsealed:
            let isFirst = toldOfOlder.withLock { told in
                defer { told = true }
                return !told
            }
            if isFirst {
                notes(
                    "\(store.folder) holds results without a SHA-256, of an older version or cut off: they are not used, and "
                        + "the work is done again")
            }
        }
        return nil
    }

    public func store(_ value: [UInt8], for key: String) throws {
        try store.store(Sealed.seal(value, as: key), for: key)
    }
}
