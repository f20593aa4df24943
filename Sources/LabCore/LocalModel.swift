/// A language model that the lab fetches and serves itself: one GGUF file and what is known about it.
public struct LocalModel: Codable, Sendable, Equatable {
    /// A file of a repository of the Hugging Face Hub, at one commit, branch or tag.
    public struct HubFile: Codable, Sendable, Equatable {
        public let repository: String
        public let revision: String
        public let file: String
    }

    /// Wheels of the Python package index, each of which holds one piece of the file.
    public struct Packages: Codable, Sendable, Equatable {
        /// `*` stands for the number of the part, from 1.
        public let names: String
        public let parts: Int
        public let version: String
    }

    /// As recipes and commands name it.
    public let name: String
    /// As its publisher names it, with the quantization.
    public let title: String
    public let license: String
    public let bytes: Int
    /// 64 hexadecimal digits.
    public let sha256: String
    /// Longest prompt and reply together that the model was made for.
    public let contextTokens: Int
    /// How the model is best asked.
    public let form: PromptForm
    /// Resident size while it serves, without what its slots remember.
    public let memoryBytes: Int
    /// What a slot remembers of each token of its context.
    public let cacheBytesPerToken: Int
    /// Tokens written a second, where that was measured; `speedBasis` says on what.
    public let tokensPerSecond: Double?
    public let speedBasis: String?
    public let hub: HubFile?
    public let packages: Packages?
    /// Where the file lies that a user registered; `nil` for a model that is fetched.
    public let file: String?

    public init(
        name: String, title: String, license: String, bytes: Int, sha256: String, contextTokens: Int, form: PromptForm,
        memoryBytes: Int, cacheBytesPerToken: Int, tokensPerSecond: Double? = nil, speedBasis: String? = nil,
        hub: HubFile? = nil, packages: Packages? = nil, file: String? = nil
    ) {
        self.name = name
        self.title = title
        self.license = license
        self.bytes = bytes
        self.sha256 = sha256
        self.contextTokens = contextTokens
        self.form = form
        self.memoryBytes = memoryBytes
        self.cacheBytesPerToken = cacheBytesPerToken
        self.tokensPerSecond = tokensPerSecond
        self.speedBasis = speedBasis
        self.hub = hub
        self.packages = packages
        self.file = file
    }

    /// Bytes of memory while it serves.
    ///
    /// - Parameters:
    ///   - slots: replies written at the same time.
    ///   - context: tokens of each slot.
    public func memory(slots: Int, context: Int) -> Int { memoryBytes + slots * context * cacheBytesPerToken }
}
