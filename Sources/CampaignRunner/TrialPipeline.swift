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
            var metrics = report.metrics
            let unrated = sampled.unrated + greedy.unrated
            if unrated > 0 { metrics["judge/unratedQuestions"] = Double(unrated) }
            let seconds = report.seconds["total"] ?? started.duration(to: .now).inSeconds
            return .scored(
                TrialResult(
                    spec: spec, questionScores: sampled.scores, greedyScores: greedy.scores, kl: report.kl?.mean,
                    metrics: metrics, seconds: seconds, weightsHash: report.weightsHash))
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
        let judged = Set(judgments.map(\.questionID))
        if let missing = ids.first(where: { !judged.contains($0) }) {
            throw TrialError(message: "the judge said nothing to question \(missing) of \(spec.world)")
        }
        return Graded(
            dialogues: GradedAnswer.pairing(answers, with: judgments, decoding: decoding),
            scores: try Self.withoutHoles(questionScores(of: judgments, questionIDs: ids), ids, spec))
    }

    /// A model that judges now and then refuses, or gives no rating, and at temperature 0 does so again. FastChat drops such
    /// judgments from the mean; here the mean of the other questions stands in their place, which leaves the mean as it is
    /// without them and the questions of all trials comparable. Beyond a tenth of the questions it is no score.
    private static func withoutHoles(_ scores: [Double?], _ ids: [Int], _ spec: TrialSpec) throws -> [Double] {
        let known = scores.compactMap { $0 }
        let holes = scores.count - known.count
        guard holes > 0 else { return known }
        guard !known.isEmpty, holes <= max(1, scores.count / 10) else {
            let first = scores.firstIndex(of: nil).map { "question \(ids[$0])" } ?? ""
            throw TrialError(
                message:
                    "the judge gave \(holes) of \(scores.count) questions of \(spec.world) no rating, \(first) among "
                    + "them: too many for a score")
        }
        let mean = known.reduce(0, +) / Double(known.count)
        return scores.map { $0 ?? mean }
    }

    private struct Graded {
        var dialogues: [GradedAnswer] = []
        var scores: [Double] = []

        /// Questions that the judge gave no rating.
        var unrated: Int {
            Dictionary(grouping: dialogues, by: \.questionID).values.count { samples in
                samples.allSatisfy { $0.scores.allSatisfy { $0 == nil } }
            }
        }
    }
}

/// Training or judging returned something that is not a whole trial: our fault, never the loss's.
struct TrialError: Error, CustomStringConvertible {
    let message: String
    var description: String { message }
}
