/// One finished trial as a file: what was asked and what came of it.
public struct TrialRecord: Codable, Sendable, Equatable {
    public let spec: TrialSpec
    public let outcome: TrialOutcome

    public init(spec: TrialSpec, outcome: TrialOutcome) {
        self.spec = spec
        self.outcome = outcome
    }
}
