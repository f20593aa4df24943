/// What checks on tensors, without any training, found out about one loss.
public struct Screening: Codable, Sendable, Equatable {
    public let accepted: Bool
    /// The name given, or the one that the text gives, or one made from what the loss computes.
    public let name: String?
    /// The author's reason for the loss, where the text gives one.
    public let thought: String?
    /// The loss in file form, whatever form it came in; `nil` when no function could be found.
    public let source: String?
    /// Which forms were unwrapped on the way: `fenced`, `method`, `class`, ...
    public let forms: [String]
    /// What of the text is not in the loss, each with its line; `nil` in screenings of earlier versions.
    public let removed: [String]?
    /// What of the text is in the loss in other words; `nil` in screenings of earlier versions.
    public let rewritten: [String]?
    public let rejections: [Rejection]
    public let checks: [ScreeningCheck]
    public let shape: LossShape?
    public let fingerprint: Fingerprint?
    /// Of a loss that only pulls the wrong way: the same with its sign turned, in file form, when that one is sound.
    public let turned: String?
    public let seconds: Double

    public init(
        accepted: Bool, name: String?, thought: String? = nil, source: String?, forms: [String] = [],
        removed: [String]? = nil, rewritten: [String]? = nil, rejections: [Rejection] = [],
        checks: [ScreeningCheck] = [], shape: LossShape? = nil, fingerprint: Fingerprint? = nil, turned: String? = nil,
        seconds: Double = 0
    ) {
        self.accepted = accepted
        self.name = name
        self.thought = thought
        self.source = source
        self.forms = forms
        self.removed = removed
        self.rewritten = rewritten
        self.rejections = rejections
        self.checks = checks
        self.shape = shape
        self.fingerprint = fingerprint
        self.turned = turned
        self.seconds = seconds
    }
}

/// What is known about a model's reply besides its text.
public struct ReplyContext: Codable, Sendable, Equatable {
    /// The server says that the token limit ended the reply.
    public let isCutOff: Bool
    /// Code of the losses that the prompt showed: a reply that is one of them is `echoed`.
    public let shown: [String]
    /// The prompt's text; may be empty. Names that stand in it are not worth keeping, and a text that goes on from its
    /// end is read as a completion.
    public let prompt: String

    public init(isCutOff: Bool = false, shown: [String] = [], prompt: String = "") {
        self.isCutOff = isCutOff
        self.shown = shown
        self.prompt = prompt
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
