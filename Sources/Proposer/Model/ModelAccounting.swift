public import LabCore

extension ModelAccount {
    /// Counts what was asked and spent from the calls on record, and what came of it from the candidates.
    ///
    /// - Parameter exchanges: every call of the campaign, failed ones and those for candidates never recorded included.
    public init(exchanges: some Sequence<Exchange>, snapshot: ArchiveSnapshot) {
        self.init()
        var names: Set<String> = []
        for exchange in exchanges {
            var step = steps[exchange.step] ?? Step()
            step.calls += 1
            names.insert(exchange.request.model)
            if let reply = exchange.reply {
                step.promptTokens += reply.usage.promptTokens
                step.cachedTokens += reply.usage.cachedTokens
                step.completionTokens += reply.usage.completionTokens
                step.seconds += reply.seconds
                step.cost += reply.cost ?? 0
                if reply.cost == nil { unpricedCalls += 1 }
                if reply.usage.estimated { estimatedTokens = true }
                requests += reply.attempts
            } else {
                step.failedCalls += 1
                unpricedCalls += 1
            }
            steps[exchange.step] = step
        }
        models = names.sorted()
        for candidate in snapshot.candidates where candidate.arm == .evolution { count(candidate) }
    }

    private mutating func count(_ candidate: Candidate) {
        candidates += 1
        switch candidate.status {
        case .scored: scored += 1
        case .rejected: rejected += 1
        case .duplicate: duplicates += 1
        case .failed: failed += 1
        }
        if let score = candidate.tuned?.score, score.mean > best?.score.mean ?? -.infinity {
            best = Best(name: EvidenceText.name(of: candidate), score: score)
        }
        guard let trace = ProposalTrace(genome: candidate.proposal.genome) else { return }
        for name in trace.shown { shown[name, default: 0] += 1 }
        if trace.isSoundFirst { soundFirstTry += 1 }
        for finding in trace.attempts.flatMap(\.findings) {
            if finding.code == "echoed" { echoed += 1 }
            if finding.code == "copied" { copied += 1 }
            if finding.code == "duplicate" { duplicated += 1 }
        }
        if trace.isValidFirstTry {
            validFirstTry += 1
        } else if !trace.attempts.isEmpty {
            needingRepair += 1
            if trace.isValid { repaired += 1 }
        }
    }
}
