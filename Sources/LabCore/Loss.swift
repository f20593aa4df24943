/// The Python text of one loss function in file form (header comments, imports, `def loss(...)`).
public struct LossSource: Codable, Hashable, Sendable {
    /// Short name, unique within a catalogue or a campaign: lower-case letters, digits, `_` and `-`.
    public let name: String
    /// The whole file, header included.
    public let text: String
    public let origin: LossOrigin
    /// The beta that the header recommends; tuning does not use it, a single training does.
    public let beta: Double
    public let title: String?
    /// Paper and equation.
    public let reference: String?
    /// Names of the losses it was made from.
    public let parents: [String]
    /// A deliberately bad or trivial loss that shows what the evaluator can tell apart.
    public let isControl: Bool

    public init(
        name: String, text: String, origin: LossOrigin, beta: Double, title: String? = nil,
        reference: String? = nil, parents: [String] = [], isControl: Bool = false
    ) {
        self.name = name
        self.text = text
        self.origin = origin
        self.beta = beta
        self.title = title
        self.reference = reference
        self.parents = parents
        self.isControl = isControl
    }
}

/// Where a loss comes from.
public enum LossOrigin: String, Codable, Sendable, CaseIterable {
    case baseline
    case published
    case discovered
}

/// Why a loss cannot be used. A result, never an error: it is shown to whoever proposed the loss.
public struct Rejection: Codable, Hashable, Sendable {
    /// One word of a fixed set, the same as in the Python side's `REJECTION_CODES`.
    public let code: String
    public let message: String
    /// Line of the loss file, counted from 1.
    public let line: Int?

    public init(code: String, message: String, line: Int? = nil) {
        self.code = code
        self.message = message
        self.line = line
    }
}
