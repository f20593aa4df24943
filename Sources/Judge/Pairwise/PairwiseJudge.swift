public import ChatClient
public import LabCore

/// Grades a campaign's answers by comparison with a baseline's answers to the same questions.
///
/// A conversation is compared as a whole, in both orders, and gets one judgment: `1 + 9 * g`, `g` the mean over both
/// games of the five-step grade (1 for `A>>B` in its favour, 0.5 for a tie, 0 for a clear loss). 5.5 is the baseline's level.
/// A game in which the judge gave no verdict speaks for neither side and counts as a tie beside one with a verdict; where
/// neither game has one there is no score. An answer that holds all verdicts of the judge's words itself has lost that game.
public struct PairwiseJudge: AnswerJudge {
    private let suites: [String: [QuestionSet: (suite: PairwiseSuite, baseline: ModelAnswers)]]
    private let service: any ChatService
    private let settings: JudgeSettings

    /// - Parameter suites: of every world that may be judged, the questions under a pairwise prompt
    ///   (`PairwiseSuite(folder:questions:)`) and what the baseline answered to them.
    public init(
        suites: [String: [QuestionSet: (suite: PairwiseSuite, baseline: ModelAnswers)]], service: any ChatService,
        settings: JudgeSettings
    ) {
        self.suites = suites
        self.service = service
        self.settings = settings
    }

    private struct Job: Sendable {
        let question: SuiteQuestion
        let id: Int
        let sample: Int
        let answer: [String]
        let baseline: [String]
    }

    /// - Throws: `ModelHalt` when the judge can be asked nothing more; `JudgeError` for what does not fit together, and when
    ///   not one request is answered.
    public func judge(_ answers: [Answer], of world: String, questions: QuestionSet) async throws -> [Judgment] {
        do { return try await judgments(of: answers, of: world, questions: questions) } catch let error as ChatError {
            throw error.asStageError
        }
    }

    private func judgments(
        of answers: [Answer], of world: String, questions: QuestionSet
    ) async throws -> [Judgment] {
        guard let (suite, baseline) = suites[world]?[questions] else {
            throw JudgeError(.mismatch, "no questions of the world \(world) are loaded for the pairwise judge")
        }
        let known = Dictionary(uniqueKeysWithValues: suite.questions.map { ($0.id, $0) })
        let jobs = try answers.flatMap { answer -> [Job] in
            guard let question = known[.number(answer.questionID)] else {
                throw JudgeError(.mismatch, "the suite \(suite.name) has no question \(answer.questionID)")
            }
            let rival = try baseline.answers(to: question)
            return answer.samples.enumerated().map {
                Job(question: question, id: answer.questionID, sample: $0, answer: $1, baseline: rival)
            }
        }
        let grader = PairwiseGrader(suite: suite, service: service, settings: settings)
        var found = [Judgment?](repeating: nil, count: jobs.count)
        var failures: [String] = []
        try await forEachConcurrently(jobs, width: settings.concurrency) { job in
            try await grader.grade(
                job.question, model: world, answer: job.answer, baseline: baseline.model, baselineAnswer: job.baseline)
        } receive: { index, graded in
            let job = jobs[index]
            let grades = graded.row.games.enumerated().map { index, game -> Double? in
                if PairwiseGrader.isSilenced(game, by: job.answer) { return 0 }
                return game.score.map { index == 0 ? 1 - $0.gradeOfA : $0.gradeOfA }
            }
            // Alone, the order that has a verdict would carry the judge's taste for a position into the score.
            let sum = grades.reduce(0) { $0 + ($1 ?? 0.5) }
            let score = grades.contains { $0 != nil } ? 1 + 9 * sum / Double(grades.count) : nil
            let marks = graded.notes.flatMap {
                ($0.unparsed.map { ["no verdict: \($0.rawValue)"] } ?? []) + $0.flags.map(\.rawValue)
            }
            let words = graded.row.games.map(\.judgment).joined(separator: "\n---\n")
            found[index] = Judgment(
                questionID: job.id, turn: 0, sample: job.sample, score: score,
                explanation: marks.isEmpty ? words : "(\(Set(marks).sorted().joined(separator: ", "))) \(words)")
            if graded.row.games.allSatisfy({ $0.judgment == JudgmentRow.apiError }) {
                failures.append(graded.notes.compactMap(\.error).first ?? "no reason given")
            }
        }
        if let first = failures.first, failures.count == jobs.count {
            throw JudgeError(.noJudgment, "the judge \(settings.model) answered no request: \(first)")
        }
        return found.compactMap { $0 }
    }
}
