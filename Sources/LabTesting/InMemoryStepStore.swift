public import LabCore

/// A step store that forgets everything with its process.
public actor InMemoryStepStore: StepStore {
    public private(set) var values: [String: [UInt8]]

    public init(_ values: [String: [UInt8]] = [:]) { self.values = values }

    public func value(for key: String) -> [UInt8]? { values[key] }
    public func store(_ value: [UInt8], for key: String) { values[key] = value }
}
