import LabCore
import LabTesting
import Synchronization

@testable import CampaignRunner

extension StageLimits {
    /// Retries without waiting.
    static var forTests: StageLimits {
        var limits = StageLimits()
        limits.retryDelay = .zero
        return limits
    }
}

/// A small campaign over fakes. Stores outlive it, so a second `run` on the same stores resumes the first.
struct TestCampaign: Sendable {
    static let grid = SettingGrid(learningRates: [5e-4, 1e-3, 2e-3], betas: [0.05, 0.1])
    static let catalogue = [
        FakeLoss(name: "dpo", value: 5.8).source(), FakeLoss(name: "ipo", value: 5.5).source(),
        FakeLoss(name: "kto", value: 6).source(),
        FakeLoss(name: "zero", value: 4, behaviour: .refused).source(isControl: true),
    ]

    var config = CampaignConfig(
        name: "test", budget: BudgetConfig(candidates: 12, generationSize: 4),
        confirmation: ConfirmationConfig(finalists: 2, catalogueLosses: 2, seeds: Array(101...106)), workers: 3)
    var catalogue = Self.catalogue
    var proposer = FakeProposer()
    var screener = FakeScreener()
    var trainer = FakeTrainer()
    var judge: any AnswerJudge = FakeJudge()
    var limits = StageLimits.forTests
    var archive = InMemoryArchive()
    var steps: any StepStore = InMemoryStepStore()
    var cache: any StepStore = InMemoryStepStore()
    var clock: @Sendable () -> Double = { 0 }
    var events: @Sendable (CampaignEvent) -> Void = { _ in }

    func run() async throws -> Confirmation {
        let runner = try CampaignRunner(
            config: config, grid: Self.grid, catalogue: catalogue,
            stages: CampaignStages(
                proposer: proposer, screener: screener, trials: TrialPipeline(trainer: trainer, judge: judge),
                identity: ExperimentIdentity()),
            storage: CampaignStorage(archive: archive, steps: steps, cache: cache), limits: limits,
            events: events, clock: clock)
        return try await runner.run()
    }

    /// Everything the archive holds of this campaign.
    func contents() async -> ArchiveContents {
        let snapshot = await archive.snapshot(of: config.name)
        var trials: [Int: [TrialRecord]] = [:]
        for candidate in snapshot.candidates {
            trials[candidate.id.number] = await archive.trials(of: candidate.id, in: config.name)
        }
        return ArchiveContents(
            snapshot: snapshot, trials: trials, confirmation: await archive.confirmation(of: config.name))
    }

    func candidates() async -> [Candidate] {
        await archive.snapshot(of: config.name).candidates.filter { $0.id.number > 0 }
    }
}

struct ArchiveContents: Equatable, Sendable {
    let snapshot: ArchiveSnapshot
    let trials: [Int: [TrialRecord]]
    let confirmation: Confirmation?
}

/// A proposer whose losses misbehave in turn: refused, twins of earlier ones, diverging and flaky ones among sound ones.
func unrulyProposer() -> FakeProposer {
    FakeProposer { request, generator in
        let base = FakeProposer.nearParents(request, &generator)
        let behaviour: FakeLoss.Behaviour =
            switch request.number % 7 {
            case 2: .refused
            case 3: .diverges
            case 4: .divergesWhenHot
            case 6: .flaky
            default: .sound
            }
        return FakeLoss(
            name: base.name, value: base.value, behaviour: behaviour, shape: request.number % 7 == 5 ? "dpo" : nil)
    }
}

/// Collects what tasks report side by side.
final class Collected<Value: Sendable>: Sendable {
    private let storage = Mutex<[Value]>([])

    var values: [Value] { storage.withLock { $0 } }
    func add(_ value: Value) { storage.withLock { $0.append(value) } }
}
