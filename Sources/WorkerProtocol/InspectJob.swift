/// A request to read preference pairs and to say what they are.
public struct InspectJob: Codable, Sendable {
    public let version: Int
    public let id: String
    public let kind: String
    public let data: DataInput
    /// A model's folder; `nil` counts no tokens.
    public let tokenizer: String?
    /// Sets in which the prompts are looked for.
    public let compare: [DataInput]
    public let samples: Int
    /// Rows to show as they are trained; they need a tokenizer.
    public let show: Int
    /// Tokens of prompt and answer together; `nil` cuts nothing.
    public let maxLength: Int?
    /// A name, a file or Jinja text; `nil` takes the tokenizer's own.
    public let chatTemplate: String?
    /// Whether a doubtful template is used all the same.
    public let acceptTemplate: Bool

    public init(
        id: String, data: DataInput, tokenizer: String?, compare: [DataInput], samples: Int, show: Int, maxLength: Int?,
        chatTemplate: String?, acceptTemplate: Bool
    ) {
        version = workerProtocolVersion
        self.id = id
        kind = "inspect"
        self.data = data
        self.tokenizer = tokenizer
        self.compare = compare
        self.samples = samples
        self.show = show
        self.maxLength = maxLength
        self.chatTemplate = chatTemplate
        self.acceptTemplate = acceptTemplate
    }
}

/// Preference pairs in a file, a folder or a data set of the Hugging Face Hub.
public struct DataInput: Codable, Sendable, Equatable {
    public let path: String
    /// Of a Hub data set, like the revision.
    public let config: String?
    public let split: String?
    public let revision: String?
    /// Our column names and theirs.
    public let columns: [String: String]
    /// Settles how rows are read where they could be read in two ways.
    public let layout: String?
    /// The first rows only.
    public let limit: Int?

    public init(
        path: String, config: String? = nil, split: String? = nil, revision: String? = nil,
        columns: [String: String] = [:], layout: String? = nil, limit: Int? = nil
    ) {
        self.path = path
        self.config = config
        self.split = split
        self.revision = revision
        self.columns = columns
        self.layout = layout
        self.limit = limit
    }
}
