/// A request to measure losses along rho, to train with them for the margins of real pairs, and to draw both.
public struct PlotJob: Codable, Sendable {
    public let version: Int
    public let id: String
    public let kind: String
    public let losses: [PlottedSource]
    /// Named in the title.
    public let world: String
    /// Whether to train for the histogram; without it, policy, pairs and training count for nothing.
    public let data: Bool
    public let policy: String
    public let pairs: PairsInput
    public let training: TrainingSettings
    /// Shows rho from minus this to this; `nil` shows all margins that pairs have.
    public let range: Double?
    /// Absolute path of an SVG or PNG file, by its ending; `nil` draws nothing.
    public let output: String?

    public init(
        id: String, losses: [PlottedSource], world: String, data: Bool, policy: String, pairs: PairsInput,
        training: TrainingSettings, range: Double?, output: String?
    ) {
        version = workerProtocolVersion
        self.id = id
        kind = "plot"
        self.losses = losses
        self.world = world
        self.data = data
        self.policy = policy
        self.pairs = pairs
        self.training = training
        self.range = range
        self.output = output
    }
}

public struct PlottedSource: Codable, Sendable {
    public let name: String
    /// File form.
    public let source: String
    public let beta: Double

    public init(name: String, source: String, beta: Double) {
        self.name = name
        self.source = source
        self.beta = beta
    }
}
