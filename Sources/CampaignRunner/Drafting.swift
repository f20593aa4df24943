import LabCore

/// Fills a generation's slots with new losses: proposes, screens, and drops what has been seen before.
struct Drafting: Sendable {
    /// Proposals a slot may take in one generation; one that stays empty tries again in the next, with a newer snapshot.
    static let roundsPerGeneration = 3
    static let parentsPerProposal = 2

    let seed: UInt64
    let workers: Int
    let stages: CampaignStages
    let selector: any ParentSelector
    /// Recommended by a candidate's file until it is tuned.
    let beta: Double
    let limits: StageLimits
    let failures: FailureWatch
    let journal: StepJournal
    let catalogueFingerprints: [CandidateID: Fingerprint]
    let events: @Sendable (CampaignEvent) -> Void

    /// Drafts in order of their ids. A slot whose proposal is refused or a duplicate gets another, up to the limits.
    ///
    /// When the proposer may spend no more, the drafts so far are the last; without any of the searching arm there are
    /// none at all, so that a campaign resumed with the same budget ends where it ended before.
    func drafts(of generation: GenerationPipeline, seen: inout SeenLosses) async throws -> (
        drafts: [Draft], halted: Bool
    ) {
        var drafts: [Draft] = []
        var open = generation.slots
        for _ in 0..<Self.roundsPerGeneration where !open.isEmpty {
            let affordable = open.prefix(generation.proposals - drafts.count)
            let numbered = affordable.enumerated().map { offset, arm in
                (id: CandidateID(generation.firstID + drafts.count + offset), arm: arm)
            }
            let prepared = try await concurrentMap(numbered, limit: workers) { id, arm in
                try await prepare(id, arm, for: generation)
            }
            let asked = prepared.lastIndex { !$0.isHalted }.map { $0 + 1 } ?? 0
            let halted = prepared.contains { $0.isHalted }
            if halted,
                (drafts.map(\.arm) + asksAnswered(prepared, numbered.map(\.arm))).allSatisfy({ $0 != .evolution })
            {
                return ([], true)
            }
            var stillOpen: [SearchArm] = []
            for (preparation, (id, arm)) in zip(prepared, numbered).prefix(asked) {
                let draft = try await settle(preparation, id, arm, generation, seen: &seen)
                drafts.append(draft)
                switch draft.settled {
                case .rejected, .duplicate: stillOpen.append(arm)
                case .failed, .scored, nil: break
                }
            }
            if halted { return (drafts, true) }
            open = stillOpen
        }
        return (drafts, false)
    }

    /// Arms of the slots for which there is a proposal.
    private func asksAnswered(_ prepared: [Preparation], _ arms: [SearchArm]) -> [SearchArm] {
        zip(prepared, arms).filter { !$0.0.isHalted }.map(\.1)
    }

    private enum Preparation: Sendable {
        case screened(LossProposal, Screening)
        case failed(LossProposal?, String)
        /// Never proposed: the budget for it is used up.
        case halted(String)

        var isHalted: Bool {
            if case .halted = self { return true }
            return false
        }
    }

    /// Proposal and screening of one candidate, each once.
    private func prepare(
        _ id: CandidateID, _ arm: SearchArm, for generation: GenerationPipeline
    ) async throws -> Preparation {
        var proposal: LossProposal?
        do {
            let proposed = try await propose(id, arm, from: generation.snapshot)
            proposal = proposed
            events(.proposed(id, name: proposed.name, arm: arm))
            let screener = stages.screener
            let screening = try await journal.once(Self.screeningKey(id)) {
                try await limits.call("screening of \(proposed.name)", within: limits.screening) {
                    try await screener.screen(proposed.text, name: proposed.name, reply: proposed.reply)
                }
            }.value
            events(.screened(id, accepted: screening.accepted))
            return .screened(proposed, screening)
        } catch let halt as ModelHalt {
            guard halt.reason == .budget else { throw CampaignError(.configuration, halt.message) }
            return .halted(halt.message)
        } catch let failure as StageFailure {
            try failures.failed(id, because: failure.description)
            return .failed(proposal, failure.description)
        }
    }

    /// The same seed, number and snapshot make the same request, whatever else the campaign has done.
    private func propose(
        _ id: CandidateID, _ arm: SearchArm, from snapshot: ArchiveSnapshot
    ) async throws -> LossProposal {
        try await journal.once("proposal/\(id)") {
            var generator = SeededGenerator(seed: seed, stream: UInt64(id.number))
            let visible = arm == .evolution ? snapshot : ArchiveSnapshot(candidates: [])
            let parents = selector.selectParents(from: visible, count: Self.parentsPerProposal, using: &generator)
            let request = ProposalRequest(
                arm: arm, parents: parents.compactMap(visible.candidate), snapshot: visible, seed: generator.next(),
                number: id.number)
            let proposer = stages.proposer
            return try await limits.call("proposal \(id)", within: limits.proposal) {
                try await proposer.propose(request)
            }
        }.value
    }

    private func settle(
        _ preparation: Preparation, _ id: CandidateID, _ arm: SearchArm, _ generation: GenerationPipeline,
        seen: inout SeenLosses
    ) async throws -> Draft {
        func draft(
            _ proposal: LossProposal, _ screening: Screening?, _ source: LossSource?, _ settled: CandidateStatus?
        ) -> Draft {
            Draft(
                id: id, arm: arm, generation: generation.number, proposal: proposal, screening: screening,
                source: source,
                settled: settled)
        }
        switch preparation {
        case .halted(let reason):
            // Between proposals that were still made; its number is taken.
            return draft(
                LossProposal(name: "candidate-\(id)", text: "", operation: "none"), nil, nil, .failed(reason))
        case .failed(let proposal, let reason):
            let known = proposal ?? LossProposal(name: "candidate-\(id)", text: "", operation: "none")
            return draft(known, nil, nil, .failed(reason))
        case .screened(let proposal, let screening) where !screening.accepted:
            let unexplained = Rejection(code: "protocol", message: "screening refused the loss without a reason")
            return draft(proposal, screening, nil, .rejected(screening.rejections.first ?? unexplained))
        case .screened(let proposal, let screening):
            guard let text = screening.source else {
                return draft(proposal, screening, nil, .failed("screening accepted the loss but returned no source"))
            }
            let source = LossSource(
                name: seen.uniqueName(screening.name ?? proposal.name, id: id), text: text, origin: .discovered,
                beta: beta, parents: proposal.parents.map { generation.snapshot.candidate($0)?.source?.name ?? "\($0)" }
            )
            if let fingerprint = screening.fingerprint,
                let earlier = try await seen.duplicate(of: fingerprint, fingerprint: fingerprint(of:))
            {
                events(.duplicate(id, of: earlier))
                return draft(proposal, screening, source, .duplicate(of: earlier))
            }
            seen.insert(id, name: source.name, fingerprint: screening.fingerprint)
            return draft(proposal, screening, source, nil)
        }
    }

    private func fingerprint(of id: CandidateID) async throws -> Fingerprint? {
        if let known = catalogueFingerprints[id] { return known }
        return try await journal.finished(Self.screeningKey(id), as: Screening.self)?.fingerprint
    }

    private static func screeningKey(_ id: CandidateID) -> String { "screening/\(id)" }
}
