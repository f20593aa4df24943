import Foundation

/// How a model's proposal came about, kept with the candidate in the archive (as its `genome`).
///
/// Nothing in it depends on time or on how often the network failed.
public struct ProposalTrace: Codable, Sendable, Equatable {
    public struct Finding: Codable, Sendable, Equatable {
        /// A rejection's code, `duplicate`, or the kind of an unusable reply.
        public let code: String
        public let message: String
        public let line: Int?
    }

    /// One version of the loss and what the check found.
    public struct Attempt: Codable, Sendable, Equatable {
        /// The step that wrote it.
        public let step: String
        /// None for a sound one.
        public let findings: [Finding]
        /// What reading cut out of its text; `nil` where it was nothing.
        public var removed: [String]?

        /// One of the shown losses, word for word.
        public var isCopy: Bool { findings.contains { $0.code == "copied" } }
    }

    public let strategy: String
    public var attempts: [Attempt] = []
    public var calls = 0
    public var promptTokens = 0
    /// Part of `promptTokens` that the server had read before.
    public var cachedTokens = 0
    public var completionTokens = 0
    /// US dollars; `nil` when no call had a price.
    public var cost: Double?
    public var hypothesis: String?
    /// Names of the earlier losses whose code the model was shown.
    public var shown: [String] = []

    public init(strategy: String) { self.strategy = strategy }

    public var isValid: Bool { attempts.contains { $0.findings.isEmpty } }
    /// Whether screening accepted the first reply; a copy of an earlier loss in other words is sound too.
    public var isSoundFirst: Bool { attempts.first?.findings.allSatisfy { $0.code == "duplicate" } ?? false }
    public var isValidFirstTry: Bool { attempts.first?.findings.isEmpty == true }

    /// As the genome of a proposal.
    var text: String? {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return (try? encoder.encode(self)).map { String(decoding: $0, as: UTF8.self) }
    }

    /// Reads a genome; `nil` for one that another proposer wrote.
    public init?(genome: String?) {
        guard let genome, genome.hasPrefix("{"),
            let trace = try? JSONDecoder().decode(ProposalTrace.self, from: Data(genome.utf8))
        else { return nil }
        self = trace
    }
}
