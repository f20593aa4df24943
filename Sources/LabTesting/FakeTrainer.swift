public import LabCore
import Synchronization

/// Trains nothing: answers carry the score that a `FakeLoss` of known value would get, noise included.
///
/// A score is the true value, less a penalty for a setting off the best one, plus effects of seed, question, loss with
/// seed, and all three; the same call gives the same answers.
public final class FakeTrainer: PolicyTrainer {
    public struct Noise: Sendable {
        /// Shared by all losses, so paired differences do not see it.
        public var seed = 0.1
        public var question = 0.5
        public var lossWithSeed = 0.05
        public var cell = 0.3

        public init() {}
        public static var none: Noise {
            var noise = Noise()
            (noise.seed, noise.question, noise.lossWithSeed, noise.cell) = (0, 0, 0, 0)
            return noise
        }
    }

    public let noise: Noise
    public let questions: Int
    public let bestSetting: Setting
    private let hotRate: Double
    private let delay: @Sendable (LossSource?, TrialSpec) -> Duration?
    private let callsByTrial = Mutex<[String: Int]>([:])

    /// - Parameters:
    ///   - hotRate: the learning rate from which `.divergesWhenHot` losses are rejected.
    ///   - delay: how long a training takes, for tests in which the order of completion matters.
    public init(
        noise: Noise = Noise(), questions: Int = 8, bestSetting: Setting = Setting(learningRate: 1e-3, beta: 0.05),
        hotRate: Double = 2e-3, delay: @escaping @Sendable (LossSource?, TrialSpec) -> Duration? = { _, _ in nil }
    ) {
        self.noise = noise
        self.questions = questions
        self.bestSetting = bestSetting
        self.hotRate = hotRate
        self.delay = delay
    }

    /// How often each trial was started, by loss name and slug.
    public var calls: [String: Int] { callsByTrial.withLock { $0 } }

    public func train(_ loss: LossSource?, as spec: TrialSpec) async throws -> TrainingOutcome {
        let name = loss?.name ?? "untrained"
        let times = callsByTrial.withLock { calls in
            calls["\(name) \(spec.slug)", default: 0] += 1
            return calls["\(name) \(spec.slug)"] ?? 1
        }
        if let pause = delay(loss, spec) { try await Task.sleep(for: pause) }
        let fake = loss.flatMap { FakeLoss(text: $0.text) } ?? FakeLoss(name: name, value: 5)
        switch fake.behaviour {
        case .hangs: await neverReturns()
        case .crashes: throw FakeFailure(description: "worker died")
        case .flaky where times == 1: throw FakeFailure(description: "worker lost")
        case .diverges: return .rejected(Rejection(code: "nonfinite", message: "loss is NaN at step 3"))
        case .divergesWhenHot where spec.setting.learningRate >= hotRate:
            return .rejected(Rejection(code: "nonfinite", message: "loss is NaN at step 30"))
        case .sound, .refused, .divergesWhenHot, .flaky, .crashesScreening: break
        }
        return .trained(report(fake, spec))
    }

    private func report(_ fake: FakeLoss, _ spec: TrialSpec) -> TrainingReport {
        let first = spec.questionSet == .search ? 1 : 1001
        let answers = (first..<(first + questions)).map { question in
            Answer(questionID: question, samples: [[String(score(fake, spec, question))]])
        }
        return TrainingReport(
            metrics: ["loss": 0.5, "rewards/accuracies": 0.75],
            kl: Estimate(mean: 0.5, standardError: 0.1, count: 8), answers: ["sampled": answers, "greedy": answers],
            steps: spec.pairCount / 16, seconds: ["total": 0.5], weightsHash: nil, sandboxLayers: [])
    }

    private func score(_ fake: FakeLoss, _ spec: TrialSpec, _ question: Int) -> Double {
        let rateSteps = relative(spec.setting.learningRate, bestSetting.learningRate)
        let betaSteps = relative(spec.setting.beta, bestSetting.beta)
        let seed = "\(spec.world) \(spec.pairPool.rawValue) \(spec.seed)"
        let identity = "\(fake.name) \(spec.setting)"
        return fake.value - 0.3 * rateSteps - 0.2 * betaSteps
            + noise.seed * normal(seed)
            + noise.question * normal("\(spec.world) \(question)")
            + noise.lossWithSeed * normal("\(identity) \(seed)")
            + noise.cell * normal("\(identity) \(seed) \(question)")
    }

    private func relative(_ value: Double, _ best: Double) -> Double { abs(value - best) / best }

    private func normal(_ key: String) -> Double {
        var generator = SeededGenerator(seed: stableHash(key))
        return generator.normal()
    }

    /// A continuation that nobody resumes: as deaf to cancellation as a process stuck in an endless loop.
    private func neverReturns() async {
        await withUnsafeContinuation { (_: UnsafeContinuation<Void, Never>) in }
    }
}

/// What the fakes throw where the real thing would have broken.
public struct FakeFailure: Error, CustomStringConvertible {
    public let description: String

    public init(description: String) { self.description = description }
}
