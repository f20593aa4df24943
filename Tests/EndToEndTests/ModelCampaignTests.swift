import ChatClient
import LabCore
import LabTesting
import Proposer
import Testing

/// Whole campaigns against a server that writes losses: the proposer, the client and the loop are the real ones.
@Suite(.serialized) struct ModelCampaignTests {
    @Test(arguments: ["program", "completion", "discopop"])
    func aServerFullOfFaultsLeadsToTheSameArchiveAsAHealthyOne(strategy: String) async throws {
        let size = strategy == "discopop" ? (12, 1) : (30, 10)
        func run(_ server: ModelServer) async throws -> (ModelCampaign, LabCore.Confirmation) {
            let campaign = ModelCampaign(
                server.base, strategy: strategy, candidates: size.0, generationSize: size.1,
                critique: strategy == "program")
            return (campaign, try await campaign.run())
        }
        let healthy = try ModelServer()
        let faulty = try ModelServer("--faults")
        let (whole, expected) = try await run(healthy)
        let (disturbed, confirmation) = try await run(faulty)
        let counts = try faulty.counts()
        #expect(counts.faults.count >= (strategy == "discopop" ? 3 : 5), "\(counts)")
        #expect(confirmation == expected)
        let candidates = await disturbed.candidates()
        #expect(candidates == (await whole.candidates()))

        // Every candidate is accounted for, none lost, none failed.
        #expect(candidates.map(\.id.number) == Array(1...candidates.count))
        #expect(candidates.filter { $0.tuned != nil }.count >= size.0, "\(candidates.map(\.status))")
        for candidate in candidates {
            if case .failed(let reason) = candidate.status {
                Issue.record("candidate \(candidate.id) failed: \(reason)")
            }
            #expect(ProposalTrace(genome: candidate.proposal.genome) != nil)
        }
        if strategy == "program" {
            var codes: Set<String> = []
            for candidate in candidates {
                if case .rejected(let rejection) = candidate.status { codes.insert(rejection.code) }
            }
            #expect(codes.contains("forbidden"), "the malicious ones are refused: \(codes)")
            let trained = candidates.compactMap(\.source?.text)
            #expect(!trained.contains { $0.contains("/etc/passwd") })
        }

        // No content was answered in full twice, and every answer is on record.
        #expect(counts.repeated == 0 && counts.requests > counts.contents)
        #expect(disturbed.log.exchanges.filter { $0.reply != nil }.count == counts.contents)
        let account = ModelAccount(
            exchanges: disturbed.log.exchanges, snapshot: ArchiveSnapshot(candidates: candidates))
        #expect(account.candidates == candidates.count && account.total.calls == counts.contents)
        let ends = [account.scored, account.rejected, account.duplicates, account.failed]
        #expect(ends.reduce(0, +) == account.candidates)
        #expect(account.validFirstTry > 0 && account.validFirstTry < account.candidates)
    }

    @Test func aSpentBudgetEndsTheSearchAndALargerOneGoesOn() async throws {
        let server = try ModelServer()
        var campaign = ModelCampaign(server.base, strategy: "program", candidates: 20, generationSize: 4)
        campaign.config.proposer.controlArms = [.random: 0.25]
        campaign.ledger = ChatLedger(budget: ChatBudget(calls: 14))
        let first = try await campaign.run()
        #expect(try server.counts().answered == 14 && campaign.ledger.totals.total.calls == 14)
        let begun = await campaign.candidates()
        #expect(begun.count < 20 && begun.contains { $0.tuned != nil })

        // The same budget again: nothing is asked, nothing changes.
        campaign.ledger = ChatLedger(budget: ChatBudget(calls: 14), earlier: campaign.ledger.totals)
        #expect(try await campaign.run() == first)
        #expect(await campaign.candidates() == begun)
        #expect(try server.counts().answered == 14)

        campaign.ledger = ChatLedger(budget: ChatBudget(calls: 500), earlier: campaign.ledger.totals)
        _ = try await campaign.run()
        let all = await campaign.candidates()
        #expect(all.filter { $0.tuned != nil }.count >= 20 && Array(all.prefix(begun.count)) == begun)
        let counts = try server.counts()
        #expect(counts.repeated == 0 && counts.answered == campaign.ledger.totals.total.calls)
    }

    @Test func aRefusedKeyEndsTheCampaignAtOnceAndNamesTheVariable() async throws {
        let server = try ModelServer("--key", "sk-right-0123456789")
        var campaign = ModelCampaign(server.base, strategy: "program", candidates: 4, generationSize: 4)
        campaign.key = "sk-wrong-0123456789"
        let error = await #expect(throws: (any Error).self) { try await campaign.run() }
        let text = error.map { "\($0)" } ?? ""
        #expect(text.contains("refuses the key") && text.contains("KEY") && !text.contains("sk-wrong"), "\(text)")
        campaign.key = "sk-right-0123456789"
        _ = try await campaign.run()
        #expect(await campaign.candidates().count >= 4)
    }

    @Test func aModelThatWritesNonsenseIsRejectedCandidateByCandidate() async throws {
        let server = try ModelServer("--nonsense")
        let campaign = ModelCampaign(server.base, strategy: "program", candidates: 3, generationSize: 3)
        let confirmation = try await campaign.run()
        #expect(confirmation.verdict == .noDiscovery && confirmation.winner == nil)
        let candidates = await campaign.candidates()
        #expect(candidates.count == 9)
        for candidate in candidates {
            guard case .rejected(let rejection) = candidate.status else {
                Issue.record("\(candidate.status)")
                continue
            }
            #expect(rejection.code == "no-code")
        }
    }
}
