public import LabCore

/// What every `CandidateArchive` promises.
public enum CandidateArchiveContract {
    public static let claims: [ContractClaim<any CandidateArchive>] = [
        ContractClaim("a campaign never recorded has an empty snapshot") { archive in
            try require(try await archive.snapshot(of: "unknown").candidates, equals: [], "candidates")
        },
        ContractClaim("a candidate comes back equal in every field") { archive in
            let candidate = Example.candidate(3, "soft", mean: 6.0625, parents: [-1, 2], arm: .bestOfN)
            try await archive.record(candidate, of: "one")
            try require(try await archive.snapshot(of: "one").candidates, equals: [candidate], "candidates")
        },
        ContractClaim("every status is kept, with its reason") { archive in
            let statuses: [CandidateStatus] = [
                .rejected(Rejection(code: "nonfinite", message: "NaN at rho = -1000", line: 12)),
                .duplicate(of: "dpo"), .scored(.full), .failed("the worker ended with signal 9, three times"),
            ]
            for (index, status) in statuses.enumerated() {
                try await archive.record(Example.candidate(index + 1, "loss-\(index)", status: status), of: "one")
            }
            let kept = try await archive.snapshot(of: "one").candidates.map(\.status)
            try require(kept, equals: statuses, "statuses")
        },
        ContractClaim("a snapshot is ordered by id, whatever the order of recording") { archive in
            for number in [2, -1, 10, 1, -2] {
                try await archive.record(Example.candidate(number, "loss\(number)"), of: "one")
            }
            let order = try await archive.snapshot(of: "one").candidates.map(\.id.number)
            try require(order, equals: [-2, -1, 1, 2, 10], "order")
        },
        ContractClaim("recording a candidate again replaces it") { archive in
            try await archive.record(Example.candidate(1, "soft"), of: "one")
            let scored = Example.candidate(1, "soft", mean: 6)
            try await archive.record(scored, of: "one")
            try require(try await archive.snapshot(of: "one").candidates, equals: [scored], "candidates")
        },
        ContractClaim("a batch records what its candidates recorded one by one would be") { archive in
            let candidates = [
                Example.candidate(1, "soft", mean: 6), Example.candidate(2, "hard", mean: 5, parents: [1]),
            ]
            try await archive.record(candidates.map { RecordedCandidate($0, trials: []) }, of: "one")
            try require(try await archive.snapshot(of: "one").candidates, equals: candidates, "candidates")
        },
        ContractClaim("campaigns do not see each other's candidates") { archive in
            try await archive.record(Example.candidate(1, "soft"), of: "one")
            try await archive.record(Example.candidate(1, "hard"), of: "two")
            let names = try await archive.snapshot(of: "one").candidates.map(\.proposal.name)
            try require(names, equals: ["soft"], "names")
        },
        ContractClaim("a trial may be recorded before its candidate, twice, and changes no snapshot") { archive in
            let spec = Example.spec(seed: 1)
            try await archive.record(Example.outcome(spec, mean: 6), spec, of: CandidateID(1), in: "one")
            try await archive.record(Example.outcome(spec, mean: 6), spec, of: CandidateID(1), in: "one")
            let rejected = TrialOutcome.rejected(Rejection(code: "diverged", message: "loss value 1e30 at step 12"))
            try await archive.record(rejected, Example.spec(seed: 2), of: CandidateID(1), in: "one")
            try require(try await archive.snapshot(of: "one").candidates, equals: [], "candidates")
        },
        ContractClaim("a confirmation may be recorded twice and changes no snapshot") { archive in
            try await archive.record(Example.confirmation(), of: "one")
            try await archive.record(Example.confirmation(verdict: .noDiscovery), of: "one")
            try require(try await archive.snapshot(of: "one").candidates, equals: [], "candidates")
        },
        ContractClaim("many tasks may record at once") { archive in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 1...20 {
                    group.addTask { try await archive.record(Example.candidate(number, "l\(number)"), of: "one") }
                }
                try await group.waitForAll()
            }
            let order = try await archive.snapshot(of: "one").candidates.map(\.id.number)
            try require(order, equals: Array(1...20), "ids")
        },
    ]
}
