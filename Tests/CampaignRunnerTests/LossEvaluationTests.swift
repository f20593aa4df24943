import Evolution
import LabCore
import LabTesting
import Synchronization
import Testing

@testable import CampaignRunner

@Suite struct LossEvaluationTests {
    let tuning = Tuning(
        config: TuningConfig(), grid: SettingGrid(learningRates: [5e-4, 1e-3, 2e-3], betas: [0.05, 0.1]), world: "base")

    func evaluation(
        _ trainer: FakeTrainer, cache: any StepStore = InMemoryStepStore(), workers: Int = 3,
        events: @escaping @Sendable (CampaignEvent) -> Void = { _ in }
    ) -> LossEvaluation {
        LossEvaluation(
            tuning: tuning, trials: TrialPipeline(trainer: trainer, judge: FakeJudge()), identity: ExperimentIdentity(),
            cache: cache,
            workers: workers, limits: .forTests, events: events)
    }

    @Test func everyLossIsScoredAtItsOwnBestSetting() async throws {
        let results = try await evaluation(FakeTrainer(noise: .none)).evaluate([
            FakeLoss(name: "a", value: 6).source(), FakeLoss(name: "b", value: 7).source(),
        ])
        let scores = results.compactMap { result -> TunedScore? in
            guard case .tuned(let score) = result else { return nil }
            return score
        }
        #expect(scores.map(\.score.mean) == [6, 7])
        #expect(scores.map(\.setting) == Array(repeating: Setting(learningRate: 1e-3, beta: 0.05), count: 2))
        #expect(scores.map(\.seeds) == [[1, 2, 3], [1, 2, 3]])
        // 6 settings with one seed, then the best 2 with two more seeds each.
        #expect(scores.map(\.trials) == [10, 10])
    }

    @Test func divergingAtOneSettingLeavesTheOthers() async throws {
        let results = try await evaluation(FakeTrainer(noise: .none)).evaluate([
            FakeLoss(name: "hot", value: 6, behaviour: .divergesWhenHot).source()
        ])
        guard case .tuned(let score) = results.first else { throw FakeFailure(description: "\(results)") }
        #expect(score.trials == 4 + 4)
    }

    @Test func badAndFailedLossesAreResultsBesideTheGoodOne() async throws {
        let results = try await evaluation(FakeTrainer()).evaluate([
            FakeLoss(name: "bad", value: 6, behaviour: .diverges).source(),
            FakeLoss(name: "crash", value: 6, behaviour: .crashes).source(),
            FakeLoss(name: "flaky", value: 6, behaviour: .flaky).source(),
        ])
        guard case .rejected(let rejection) = results[0], case .failed(let reason) = results[1],
            case .tuned = results[2]
        else { throw FakeFailure(description: "\(results)") }
        #expect(rejection.code == "nonfinite")
        #expect(reason.contains("worker died") && reason.contains("3 tries"))
    }

    @Test func aSecondEvaluationTrainsNothing() async throws {
        let cache = InMemoryStepStore()
        let losses = [FakeLoss(name: "a", value: 6).source()]
        let first = try await evaluation(FakeTrainer(), cache: cache).evaluate(losses)
        let trainer = FakeTrainer()
        let reused = Mutex(0)
        let second = try await evaluation(trainer, cache: cache) { event in
            if case .trialFinished(_, _, _, _, true) = event { reused.withLock { $0 += 1 } }
        }.evaluate(losses)
        #expect(first == second)
        #expect(trainer.calls.isEmpty)
        #expect(reused.withLock { $0 } == 10)
    }

    @Test func fiveLossesFailingInARowEndTheEvaluation() async throws {
        let losses = (0..<20).map { FakeLoss(name: "crash\($0)", value: 6, behaviour: .crashes).source() }
        let error = await #expect(throws: CampaignError.self) {
            try await evaluation(FakeTrainer(), workers: 1).evaluate(losses)
        }
        #expect(error?.code == .systematicFailure)
        #expect(error?.message.contains("worker died") == true)
    }

    @Test func aFullDiskIsNamedAsSuch() async throws {
        struct FullDisk: StepStore {
            func value(for key: String) async throws -> [UInt8]? { nil }
            func store(_ value: [UInt8], for key: String) async throws {
                throw FakeFailure(description: "no space left on device")
            }
        }
        let error = await #expect(throws: CampaignError.self) {
            try await evaluation(FakeTrainer(), cache: FullDisk()).evaluate([FakeLoss(name: "a", value: 6).source()])
        }
        #expect(error?.code == .storage)
        #expect(error?.message.contains("no space left on device") == true)
    }
}
