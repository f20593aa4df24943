/// Number of a candidate within its campaign, from 1 in the order of proposal; catalogue losses are negative.
public struct CandidateID: Codable, Hashable, Sendable, Comparable, CustomStringConvertible {
    public let number: Int

    public init(_ number: Int) { self.number = number }
    public init(from decoder: any Decoder) throws { number = try decoder.singleValueContainer().decode(Int.self) }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(number)
    }

    public static func < (left: CandidateID, right: CandidateID) -> Bool { left.number < right.number }
    public var description: String { String(number) }
}

/// Which way of searching proposed a candidate; the control arms answer whether feedback helped.
public enum SearchArm: String, Codable, CodingKeyRepresentable, Sendable, CaseIterable {
    /// Not proposed at all: a catalogue loss.
    case catalogue
    /// Parents chosen by score, changed by the proposer.
    case evolution
    /// Fresh random losses, no parents.
    case random
    /// One-step changes of the starting losses, without feedback.
    case bestOfN = "best-of-n"
}

/// A proposed loss before any check: its text and where it came from.
public struct LossProposal: Codable, Sendable, Equatable {
    public let name: String
    /// Whatever the proposer emitted; screening turns it into file form.
    public let text: String
    public let parents: [CandidateID]
    /// `random`, `mutation`, `crossover`, `simplification`, or a model step's name.
    public let operation: String
    /// What the proposer kept of its own, such as the grammar tree it rendered; it gets it back with the parents.
    public let genome: String?
    public let note: String?
    /// Where the text is a model's reply as it came: what screening needs to know about it.
    public let reply: ReplyContext?

    public init(
        name: String, text: String, parents: [CandidateID] = [], operation: String, genome: String? = nil,
        note: String? = nil, reply: ReplyContext? = nil
    ) {
        self.name = name
        self.text = text
        self.parents = parents
        self.operation = operation
        self.genome = genome
        self.note = note
        self.reply = reply
    }
}

/// How far a candidate has come, and why it stopped there.
public enum CandidateStatus: Codable, Sendable, Equatable {
    /// Screening or training showed the loss to be unusable.
    case rejected(Rejection)
    /// The same loss by fingerprint as an earlier one; never trained.
    case duplicate(of: String)
    /// Scored up to this fidelity.
    case scored(Fidelity)
    /// Our fault: what went wrong, after retries.
    case failed(String)
}

/// A loss's tuned result at one fidelity: its best setting and its score there.
public struct TunedScore: Codable, Sendable, Equatable {
    public let setting: Setting
    public let score: Estimate
    public let greedy: Estimate
    /// Mean KL to the reference, nats an answer.
    public let kl: Double?
    public let fidelity: Fidelity
    /// Score per seed and question at the best setting, for paired comparisons: `[seed][question]`.
    public let table: [[Double]]
    public let greedyTable: [[Double]]
    public let seeds: [Int]
    /// All trials spent on tuning this loss.
    public let trials: Int
    /// Whether the best setting lies on the edge of the grid, so a better one may lie outside.
    public let onGridEdge: Bool
    /// The next best settings, those with all seeds of the rung first; at most two.
    public let runnersUp: [SettingScore]

    public init(
        setting: Setting, score: Estimate, greedy: Estimate, kl: Double?, fidelity: Fidelity, table: [[Double]],
        greedyTable: [[Double]], seeds: [Int], trials: Int, onGridEdge: Bool, runnersUp: [SettingScore] = []
    ) {
        self.setting = setting
        self.score = score
        self.greedy = greedy
        self.kl = kl
        self.fidelity = fidelity
        self.table = table
        self.greedyTable = greedyTable
        self.seeds = seeds
        self.trials = trials
        self.onGridEdge = onGridEdge
        self.runnersUp = runnersUp
    }
}

/// A setting and a loss's score there.
public struct SettingScore: Codable, Sendable, Equatable {
    public let setting: Setting
    public let score: Estimate

    public init(setting: Setting, score: Estimate) {
        self.setting = setting
        self.score = score
    }
}

/// Everything the archive keeps about one loss of a campaign.
public struct Candidate: Codable, Sendable, Equatable {
    public let id: CandidateID
    public let arm: SearchArm
    public let generation: Int
    public let proposal: LossProposal
    public let source: LossSource?
    public let fingerprint: Fingerprint?
    public let shape: LossShape?
    public let status: CandidateStatus
    public let tuned: TunedScore?

    public init(
        id: CandidateID, arm: SearchArm, generation: Int, proposal: LossProposal, source: LossSource?,
        fingerprint: Fingerprint?, shape: LossShape?, status: CandidateStatus, tuned: TunedScore?
    ) {
        self.id = id
        self.arm = arm
        self.generation = generation
        self.proposal = proposal
        self.source = source
        self.fingerprint = fingerprint
        self.shape = shape
        self.status = status
        self.tuned = tuned
    }

    /// The one number selection uses: the lower confidence bound of the tuned score; `nil` when there is none.
    public var fitness: Double? { tuned?.score.lowerBound() }
}

/// What selection and proposal may see: the candidates so far, in order of their ids.
public struct ArchiveSnapshot: Codable, Sendable, Equatable {
    public let candidates: [Candidate]

    public init(candidates: [Candidate]) {
        self.candidates = candidates.sorted { $0.id < $1.id }
    }

    public var scored: [Candidate] { candidates.filter { $0.tuned != nil } }

    public func candidate(_ id: CandidateID) -> Candidate? { candidates.first { $0.id == id } }
}
