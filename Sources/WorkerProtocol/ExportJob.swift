/// A request to write a loss in the form of others.
public struct ExportJob: Codable, Sendable {
    public let version: Int
    public let id: String
    public let kind: String
    /// File form.
    public let source: String
    /// `trl` or `discopop`.
    public let to: String

    public init(id: String, source: String, to form: String) {
        version = workerProtocolVersion
        self.id = id
        kind = "export"
        self.source = source
        to = form
    }
}

/// The result of an export job.
public struct ExportJobResult: Codable, Sendable {
    public let text: String
}
