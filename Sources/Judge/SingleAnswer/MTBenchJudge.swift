public import ChatClient
public import LabCore

/// Grades a campaign's answers with a model under MT-Bench's prompts.
///
/// A local judge is the same with another base URL in its service. Ratings outside 1 to 10, refusals and replies without
/// a rating are judgments without a score whose explanation says why. An answer that holds all ratings
/// of the judge's words itself gets the lowest score: without one it would count as the mean of the others, which a search
/// would learn to use.
public struct MTBenchJudge: AnswerJudge {
    private let suites: [String: [QuestionSet: MTBenchSuite]]
    private let fallback: MTBenchSuite?
    private let service: any ChatService
    private let settings: JudgeSettings

    /// - Parameter suites: the questions of every world that may be judged, with MT-Bench's prompts
    ///   (`MTBenchSuite(name:questions:prompts:)`).
    public init(
        suites: [String: [QuestionSet: MTBenchSuite]], service: any ChatService, settings: JudgeSettings
    ) {
        self.suites = suites
        fallback = nil
        self.service = service
        self.settings = settings
    }

    /// Judges answers to one suite's questions, whatever the world is called.
    public init(suite: MTBenchSuite, service: any ChatService, settings: JudgeSettings) {
        suites = [:]
        fallback = suite
        self.service = service
        self.settings = settings
    }

    private struct Job: Sendable {
        let question: SuiteQuestion
        let id: Int
        let sample: Int
        let turn: Int
        let turns: [String]
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
        guard let suite = suites[world]?[questions] ?? fallback else {
            throw JudgeError(.mismatch, "no questions of the world \(world) are loaded for the judge")
        }
        let known = Dictionary(uniqueKeysWithValues: suite.questions.map { ($0.id, $0) })
        var jobs: [Job] = []
        for answer in answers {
            guard let question = known[.number(answer.questionID)] else {
                throw JudgeError(.mismatch, "the suite \(suite.name) has no question \(answer.questionID)")
            }
            for (sample, turns) in answer.samples.enumerated() {
                guard turns.count >= question.turns.count else {
                    throw JudgeError(
                        .mismatch,
                        "question \(answer.questionID) has \(question.turns.count) turns, the answer \(turns.count)")
                }
                for turn in 1...(question.turns.count == 2 ? 2 : 1) {
                    jobs.append(
                        Job(question: question, id: answer.questionID, sample: sample, turn: turn, turns: turns))
                }
            }
        }
        let grader = SingleGrader(suite: suite, service: service, settings: settings)
        var found = [Judgment?](repeating: nil, count: jobs.count)
        var failures: [String] = []
        try await forEachConcurrently(jobs, width: settings.concurrency) { job in
            try await grader.grade(job.question, turn: job.turn, answers: job.turns, model: world)
        } receive: { index, graded in
            let job = jobs[index]
            let silenced = graded.note.unparsed == .repeatsAnswer && !AnswerMarks(of: job.turns).ratings.isEmpty
            found[index] = Judgment(
                questionID: job.id, turn: job.turn - 1, sample: job.sample,
                score: silenced ? Rating.scale.lowerBound : graded.row.score,
                explanation: (silenced ? "(the lowest score, for the answer holds ratings itself) " : "")
                    + Self.explanation(of: graded))
            if graded.row.judgment == JudgmentRow.apiError { failures.append(graded.note.error ?? "no reason given") }
        }
        if let first = failures.first, failures.count == jobs.count {
            throw JudgeError(.noJudgment, "the judge \(settings.model) answered no request: \(first)")
        }
        return found.compactMap { $0 }
    }

    private static func explanation(of graded: SingleGrader.Graded) -> String {
        let marks =
            (graded.note.unparsed.map { ["no score: \($0.rawValue)"] } ?? []) + graded.note.flags.map(\.rawValue)
        let words = graded.note.error ?? graded.row.judgment
        return marks.isEmpty ? words : "(\(marks.joined(separator: ", "))) \(words)"
    }
}
