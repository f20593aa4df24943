/// What checks on tensors, without any training, found out about one loss.
public struct Screening: Codable, Sendable, Equatable {
    public let accepted: Bool
    public let name: String?
    /// The loss in file form, whatever form it came in; `nil` when no function could be found.
    public let source: String?
    /// Which forms were unwrapped on the way: `fenced`, `method`, `class`, ...
    public let forms: [String]
    public let rejections: [Rejection]
    public let checks: [ScreeningCheck]
    public let shape: LossShape?
    public let fingerprint: Fingerprint?
    public let seconds: Double

    public init(
        accepted: Bool, name: String?, source: String?, forms: [String] = [], rejections: [Rejection] = [],
        checks: [ScreeningCheck] = [], shape: LossShape? = nil, fingerprint: Fingerprint? = nil, seconds: Double = 0
    ) {
        self.accepted = accepted
        self.name = name
        self.source = source
        self.forms = forms
        self.rejections = rejections
        self.checks = checks
        self.shape = shape
        self.fingerprint = fingerprint
        self.seconds = seconds
    }
}

/// One check and the value it measured, passed or not.
public struct ScreeningCheck: Codable, Sendable, Equatable {
    public let name: String
    public let passed: Bool
    public let measured: String

    public init(name: String, passed: Bool, measured: String) {
        self.name = name
        self.passed = passed
        self.measured = measured
    }
}

/// The measured shape of a loss as a function of rho, and what it depends on.
public struct LossShape: Codable, Sendable, Equatable {
    public let referenceFree: Bool
    public let dependsOnlyOnRho: Bool
    public let betaOnlyScalesRho: Bool
    public let batchCoupled: Bool
    /// Largest change of one pair's loss value when the rest of its batch changes.
    public let batchCoupling: Double
    /// `decreasing`, `increasing` or `neither`.
    public let monotone: String
    public let convex: Bool
    public let slopeAtLeft: Double?
    public let slopeAtRight: Double?
    public let minimumAt: Double?
    /// The same in sentences, for people and for a proposing model.
    public let words: [String]
}
