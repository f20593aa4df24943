/// One promise of a protocol, checked on any conformer. Tests run all claims of a contract as arguments of one test.
public struct ContractClaim<Subject>: Sendable, CustomStringConvertible {
    public let description: String
    /// Throws a `ContractViolation` when the subject, which must be fresh, does not keep the promise.
    public let check: @Sendable (Subject) async throws -> Void

    public init(_ description: String, check: @escaping @Sendable (Subject) async throws -> Void) {
        self.description = description
        self.check = check
    }
}

/// What a conformer did instead of what its protocol promises.
public struct ContractViolation: Error, CustomStringConvertible {
    public let description: String
}

/// Throws unless both are equal; the message shows both.
public func require<Value: Equatable>(_ value: Value, equals expected: Value, _ what: String) throws {
    guard value == expected else {
        throw ContractViolation(description: "\(what): got \(value), promised \(expected)")
    }
}
