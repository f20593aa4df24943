import LabCore
import Synchronization

/// Stages that answer at once with values of realistic size, so that all time measured is the controller's.
final class StubStages: LossProposer, LossScreener, TrialRunner {
    private static let fingerprintLength = 512
    private static let questions = 80
    /// About the length of a real loss file.
    private static let body = String(repeating: "# a line of a loss file, as long as most of them are\n", count: 30)

    private let count = Mutex(0)

    var trials: Int { count.withLock { $0 } }

    func propose(_ request: ProposalRequest) async throws -> LossProposal {
        let name = "stub-\(request.number)"
        return LossProposal(
            name: name, text: name + "\n" + Self.body, parents: request.parents.map(\.id), operation: "mutation")
    }

    func screen(_ text: String, name: String?, reply: ReplyContext?) async throws -> Screening {
        var generator = SeededGenerator(seed: seed(of: name))
        return Screening(
            accepted: true, name: name, source: text,
            fingerprint: Fingerprint(
                hash: name ?? "", values: (0..<Self.fingerprintLength).map { _ in generator.normal() }))
    }

    func run(_ loss: LossSource, _ spec: TrialSpec) async throws -> TrialOutcome {
        count.withLock { $0 += 1 }
        var generator = SeededGenerator(
            seed: seed(of: loss.name), stream: spec.setting.beta.bitPattern ^ UInt64(spec.seed))
        let scores = (0..<Self.questions).map { _ in 5 + generator.uniform() }
        return .scored(
            TrialResult(
                spec: spec, questionScores: scores, greedyScores: scores, kl: generator.uniform(),
                metrics: ["loss": 0.5, "rewards/accuracies": 0.7], seconds: 2, weightsHash: nil))
    }

    private func seed(of name: String?) -> UInt64 {
        UInt64(name?.split(separator: "-").last ?? "0") ?? 0
    }
}

/// Takes everything and keeps nothing, so that memory measured is the controller's.
struct DroppingStore: StepStore, CandidateArchive {
    func value(for key: String) async throws -> [UInt8]? { nil }
    func store(_ value: [UInt8], for key: String) async throws {}
    func record(_ candidate: Candidate, of campaign: String) async throws {}
    func record(
        _ outcome: TrialOutcome, _ spec: TrialSpec, of candidate: CandidateID, in campaign: String
    ) async throws {}
    func record(_ confirmation: Confirmation, of campaign: String) async throws {}
    func snapshot(of campaign: String) async throws -> ArchiveSnapshot { ArchiveSnapshot(candidates: []) }
}
