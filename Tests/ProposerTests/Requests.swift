import LabCore
import LabTesting

@testable import Proposer

/// Proposal requests for tests.
enum Requests {
    static func request(
        _ arm: SearchArm, seed: UInt64, parents: [Candidate] = [], snapshot: [Candidate] = [], number: Int = 1
    ) -> ProposalRequest {
        ProposalRequest(
            arm: arm, parents: parents, snapshot: ArchiveSnapshot(candidates: snapshot), seed: seed, number: number)
    }

    /// A candidate made from a proposal.
    static func candidate(_ proposal: LossProposal, number: Int) -> Candidate {
        Candidate(
            id: CandidateID(number), arm: .evolution, generation: 1, proposal: proposal,
            source: LossSource(name: proposal.name, text: proposal.text, origin: .discovered, beta: 0.05),
            fingerprint: nil, shape: nil, status: .scored(.full), tuned: nil)
    }

    static func catalogue(_ name: String, number: Int) -> Candidate {
        let proposal = LossProposal(name: name, text: "", operation: "catalogue")
        return Candidate(
            id: CandidateID(number), arm: .catalogue, generation: 0, proposal: proposal,
            source: LossSource(name: name, text: "", origin: .baseline, beta: 0.05), fingerprint: nil, shape: nil,
            status: .scored(.full), tuned: nil)
    }

    /// A search as a campaign would run it, without scores: parents drawn from all so far.
    static func search(_ count: Int, arm: SearchArm, seed: UInt64) -> [LossProposal] {
        var candidates = ["dpo", "apo_zero", "slic", "rpo"].enumerated().map { catalogue($1, number: -1 - $0) }
        var proposals: [LossProposal] = []
        var generator = SeededGenerator(seed: seed)
        for number in 1...count {
            let evolves = arm == .evolution
            let parents =
                evolves ? (0..<2).map { _ in candidates[Int(generator.uniform() * Double(candidates.count))] } : []
            let proposal = GrammarProposer().proposal(
                for: request(
                    arm, seed: generator.next(), parents: parents, snapshot: evolves ? candidates : [], number: number))
            proposals.append(proposal)
            candidates.append(candidate(proposal, number: number))
        }
        return proposals
    }
}
