/// The files of a run, each entered in the chain once it is written.
struct CoveredFiles: Sendable {
    let store: FileStepStore
    let chain: RunChain

    /// Stores a value, unless it is there already.
    func keep(_ value: [UInt8], for key: String) throws {
        try store.keep(value, for: key)
        try chain.cover([(key, value)])
    }

    func store(_ value: [UInt8], for key: String) throws {
        try store.store(value, for: key)
        try chain.cover([(key, value)])
    }

    /// Stores several values in a folder that is not there yet, all or none; says whether it did.
    func storeFolder(_ folder: String, files: [(name: String, bytes: [UInt8])]) throws -> Bool {
        guard try store.storeFolder(folder, files: files) else { return false }
        try chain.cover(files.map { ("\(folder)/\($0.name)", $0.bytes) })
        return true
    }
}
