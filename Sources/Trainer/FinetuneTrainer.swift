public import LabCore
import WorkerProtocol

/// The place of training of a campaign over a model of one's own: what a world is to the embedded benchmark.
public struct PolicyGround: Sendable, Equatable {
    /// Takes the world's name in trials and tables.
    public let name: String
    /// All but the questions, the draw and the epochs, which the trial decides. Samples by the names `sampled` and `greedy`.
    public let request: FinetuneRequest
    /// Absolute path of each question file, MT-Bench format.
    public let questions: [QuestionSet: String]
    /// Of the prompts, between 0 and 1.
    public let confirmationShare: Double

    public init(
        name: String, request: FinetuneRequest, questions: [QuestionSet: String], confirmationShare: Double
    ) {
        self.name = name
        self.request = request
        self.questions = questions
        self.confirmationShare = confirmationShare
    }

    /// What one trial trains and asks.
    func request(for spec: TrialSpec) -> FinetuneRequest {
        var request = request
        // A smoke trial shows whether the loss trains; no answer is needed for that.
        request.questions = spec.fidelity == .smoke ? [] : [questions[spec.questionSet] ?? ""]
        request.epochs = spec.epochs
        request.draw = PairDraw(
            side: spec.pairPool, confirmationShare: confirmationShare, count: spec.pairCount, seed: spec.seed)
        return request
    }
}

/// Trains a model of one's own as a campaign's trials ask.
public struct FinetuneTrainer: PolicyTrainer {
    private let finetuner: PoolFinetuner
    private let ground: PolicyGround

    public init(finetuner: PoolFinetuner, ground: PolicyGround) {
        self.finetuner = finetuner
        self.ground = ground
    }

    /// - Throws: `TrainerError.unusable` where model, data or settings cannot be used as they are.
    public func train(_ loss: LossSource?, as spec: TrialSpec) async throws -> TrainingOutcome {
        guard spec.world == ground.name else { throw TrainerError.unknownWorld(spec.world) }
        let outcome = try await finetuner.train(
            loss, beta: spec.setting.beta, learningRate: spec.setting.learningRate, seed: spec.seed,
            as: ground.request(for: spec))
        switch outcome {
        case .rejected(let rejection): return .rejected(rejection)
        case .unusable(let problem): throw TrainerError.unusable(problem)
        case .trained(let report):
            return .trained(
                TrainingReport(
                    metrics: report.metrics, kl: report.sampledKL, answers: report.answers, steps: report.steps,
                    seconds: report.seconds, weightsHash: report.weightsHash, sandboxLayers: report.sandboxLayers))
        }
    }

    /// Loads the model and reads the pairs of both sides, so that what cannot be used is known before anything is begun.
    ///
    /// - Returns: what of the data is not used, or used otherwise than it lies there; a sentence each.
    /// - Throws: `TrainerError.unusable` where model, data or settings cannot be used as they are.
    public func tryOut() async throws -> [String] {
        var notes: [String] = []
        for side in [PairPool.search, .confirmation] {
            var request = ground.request
            request.draw = PairDraw(side: side, confirmationShare: ground.confirmationShare, count: 1, seed: 1)
            let outcome = try await finetuner.train(nil, beta: 1, learningRate: 1, seed: 1, as: request)
            switch outcome {
            case .unusable(let problem): throw TrainerError.unusable(problem)
            case .trained(let report): notes += report.notes.filter { !notes.contains($0) }
            case .rejected: break
            }
        }
        return notes
    }
}
