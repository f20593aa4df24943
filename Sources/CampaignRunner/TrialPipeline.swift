public import LabCore

/// One trial from training to score: train and sample, judge both answer sets, reduce to a score per question.
public struct TrialPipeline: TrialRunner {
    private let trainer: any PolicyTrainer
    private let judge: any AnswerJudge
    private let gradesSmoke: Bool
    private let evidence: (any TrialEvidence)?

    /// - Parameters:
    ///   - gradesSmoke: whether smoke trials are graded too; what they show is that a loss trains, which costs no judge.
    ///   - evidence: keeps what was said and how it was graded, for trials at full fidelity and in the confirmation.
    public init(
        trainer: any PolicyTrainer, judge: any AnswerJudge, gradesSmoke: Bool = true,
        evidence: (any TrialEvidence)? = nil
    ) {
        self.trainer = trainer
        self.judge = judge
        self.gradesSmoke = gradesSmoke
        self.evidence = evidence
    }

    /// The same stages, with their dialogues kept.
    public func keeping(_ evidence: any TrialEvidence) -> TrialPipeline {
        TrialPipeline(trainer: trainer, judge: judge, gradesSmoke: gradesSmoke, evidence: evidence)
    }

    public func run(_ loss: LossSource, _ spec: TrialSpec) async throws -> TrialOutcome {
        let started = ContinuousClock.now
        switch try await trainer.train(loss, as: spec) {
        case .rejected(let rejection):
            return .rejected(rejection)
        case .trained(let report):
            let grades = gradesSmoke || spec.fidelity != .smoke
            let sampled = grades ? try await graded("sampled", in: report, spec) : Graded()
            let greedy = grades ? try await graded("greedy", in: report, spec) : Graded()
            if let evidence, spec.fidelity >= .full {
                try await evidence.keep(sampled.dialogues + greedy.dialogues, of: loss.name, spec)
            }
            let seconds = report.seconds["total"] ?? started.duration(to: .now).inSeconds
            return .scored(
                TrialResult(
                    spec: spec, questionScores: sampled.scores, greedyScores: greedy.scores, kl: report.kl?.mean,
                    metrics: report.metrics, seconds: seconds, weightsHash: report.weightsHash))
        }
    }

    /// Dialogues and question scores in the order in which the trainer answered, which is the question file's.
    private func graded(
        _ decoding: String, in report: TrainingReport, _ spec: TrialSpec
    ) async throws -> Graded {
        guard let answers = report.answers[decoding], !answers.isEmpty else {
            throw TrialError(message: "the trainer returned no \(decoding) answers")
        }
        let judgments = try await judge.judge(answers, of: spec.world, questions: spec.questionSet)
        let ids = answers.map(\.questionID)
        let scores = questionScores(of: judgments, questionIDs: ids)
        if let missing = scores.firstIndex(of: nil) {
            throw TrialError(message: "the judge gave question \(ids[missing]) of \(spec.world) no rating")
        }
        return Graded(
            dialogues: GradedAnswer.pairing(answers, with: judgments, decoding: decoding),
            scores: scores.compactMap { $0 })
    }

    private struct Graded {
        var dialogues: [GradedAnswer] = []
        var scores: [Double] = []
    }
}

/// Training or judging returned something that is not a whole trial: our fault, never the loss's.
struct TrialError: Error, CustomStringConvertible {
    let message: String
    var description: String { message }
}
