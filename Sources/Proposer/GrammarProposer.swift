public import LabCore

/// Proposes losses from the typed grammar, without any model; the same request gives the same bytes.
///
/// Each proposal is drawn, simplified and looked at on a few points until one is sound and new. What it compares with is
/// what the request shows: parents, snapshot and the catalogue, so that the control arms learn nothing from earlier
/// candidates.
public struct GrammarProposer: LossProposer {
    public let limits: SizeLimits
    /// The beta that a file's header recommends; tuning does not use it.
    public let beta: Double

    public init(limits: SizeLimits = SizeLimits(), beta: Double = 0.05) {
        self.limits = limits
        self.beta = beta
    }

    /// Draws after which the last sound one is taken though it is not new.
    private static let attempts = 60
    /// Latest candidates of the snapshot that a proposal is compared with; the lab's fingerprints see all of them.
    private static let remembered = 100
    /// Signature distance below which two losses count as one, in units of the mean slope.
    private static let sameness = 5e-3

    public func propose(_ request: ProposalRequest) async throws -> LossProposal { proposal(for: request) }

    /// The same without suspension.
    public func proposal(for request: ProposalRequest) -> LossProposal {
        var random = RandomExpression(generator: SeededGenerator(seed: request.seed, stream: 0x6772_616D))
        var known = KnownLosses(tolerance: Self.sameness)
        for loss in CatalogueGenomes.known { known.add(loss) }
        for candidate in request.snapshot.candidates.suffix(Self.remembered) + request.parents {
            if let loss = Ancestor(candidate)?.loss { known.add(loss) }
        }
        let ancestors = request.parents.compactMap { Ancestor($0) }
        var sound: Draft?
        for _ in 0..<Self.attempts {
            guard let draft = draw(request.arm, ancestors, using: &random) else { continue }
            let loss = draft.loss.simplified()
            guard limits.allow(loss), Soundness.standard.fault(of: loss) == nil else { continue }
            let simplified = Draft(loss: loss, operation: draft.operation, ancestors: draft.ancestors)
            if known.isNew(loss) { return proposal(simplified, request) }
            sound = sound ?? simplified
        }
        let fallback = Draft(loss: CatalogueGenomes.starts[0].loss, operation: "start", ancestors: [])
        return proposal(sound ?? fallback, request)
    }

    private func draw(_ arm: SearchArm, _ ancestors: [Ancestor], using random: inout RandomExpression) -> Draft? {
        switch arm {
        case .random: return Draft(loss: random.loss(depth: 5), operation: "random", ancestors: [])
        case .bestOfN: return oneStep(using: &random)
        case .evolution, .catalogue:
            return ancestors.isEmpty ? oneStep(using: &random) : evolved(ancestors, using: &random)
        }
    }

    /// One change of a catalogue loss.
    private func oneStep(using random: inout RandomExpression) -> Draft? {
        let start = CatalogueGenomes.starts[random.index(below: CatalogueGenomes.starts.count)]
        return Mutation.random(using: &random).apply(to: start.loss, using: &random).map {
            Draft(loss: $0, operation: "mutation", ancestors: [Ancestor(name: start.name, loss: start.loss)])
        }
    }

    private func evolved(_ ancestors: [Ancestor], using random: inout RandomExpression) -> Draft? {
        let first = ancestors[random.index(below: ancestors.count)]
        let operation = random.pick([
            ("mutation", 0.65), ("crossover", ancestors.count > 1 ? 0.25 : 0), ("simplification", 0.1),
        ])
        if operation == "crossover" {
            let second = ancestors[random.index(below: ancestors.count)]
            guard second != first else { return nil }
            return Recombination.crossover(first.loss, second.loss, using: &random).map {
                Draft(loss: $0, operation: operation, ancestors: [first, second])
            }
        }
        if operation == "simplification" {
            return Recombination.pruned(first.loss, using: &random).map {
                Draft(loss: $0, operation: operation, ancestors: [first])
            }
        }
        // Mostly one step, sometimes two or three: small ones refine, large ones leave a local optimum.
        var loss = first.loss
        repeat {
            guard let next = Mutation.random(using: &random).apply(to: loss, using: &random) else { return nil }
            loss = next
        } while random.chance(0.3)
        return Draft(loss: loss, operation: operation, ancestors: [first])
    }

    private func proposal(_ draft: Draft, _ request: ProposalRequest) -> LossProposal {
        let name = "\(draft.loss.nickname)-\(request.number)"
        let rendering = LossRendering(
            name: name, title: draft.loss.headline, beta: beta, parents: draft.ancestors.map(\.name), loss: draft.loss)
        return LossProposal(
            name: name, text: rendering.text, parents: draft.ancestors.compactMap(\.id), operation: draft.operation,
            genome: draft.loss.genome, note: draft.loss.formula)
    }
}

/// How large a proposed loss may be.
public struct SizeLimits: Sendable, Equatable {
    public let nodes: Int
    public let depth: Int

    public init(nodes: Int = 24, depth: Int = 9) {
        self.nodes = nodes
        self.depth = depth
    }

    func allow(_ loss: LossExpression) -> Bool { loss.size <= nodes && loss.depth <= depth }
}

/// A loss that a proposal is made from.
private struct Ancestor: Equatable {
    let name: String
    let loss: LossExpression
    var id: CandidateID?

    init(name: String, loss: LossExpression) {
        self.name = name
        self.loss = loss
    }

    /// A candidate that carries a genome, or a catalogue loss that has one; `nil` for any other.
    init?(_ candidate: Candidate) {
        name = candidate.source?.name ?? candidate.proposal.name
        id = candidate.id
        let genome = candidate.proposal.genome.flatMap { LossExpression(genome: $0) }
        guard let loss = genome ?? (candidate.arm == .catalogue ? CatalogueGenomes.start(name) : nil) else {
            return nil
        }
        self.loss = loss
    }
}

private struct Draft {
    let loss: LossExpression
    let operation: String
    let ancestors: [Ancestor]
}

/// Signatures of losses that a proposal must differ from.
private struct KnownLosses {
    let tolerance: Double
    private var signatures: [[Double]] = []

    init(tolerance: Double) {
        self.tolerance = tolerance
    }

    mutating func add(_ loss: LossExpression) { signatures.append(Soundness.standard.signature(of: loss)) }

    func isNew(_ loss: LossExpression) -> Bool {
        let signature = Soundness.standard.signature(of: loss)
        return !signatures.contains { Soundness.distance($0, signature) <= tolerance }
    }
}
