public import LabCore

/// A request to draw judge scores against KL.
public struct FrontierJob: Codable, Sendable {
    public let version: Int
    public let id: String
    public let kind: String
    public let title: String
    /// Finite figures alone; points that are not `shown` stay in the background.
    public let frontier: Frontier
    /// Losses with a colour of their own, at most eight.
    public let shown: [String]
    /// Absolute path of an SVG or PNG file, by its ending.
    public let output: String

    public init(id: String, title: String, frontier: Frontier, shown: [String], output: String) {
        version = workerProtocolVersion
        self.id = id
        kind = "frontier"
        self.title = title
        self.frontier = frontier
        self.shown = shown
        self.output = output
    }
}
