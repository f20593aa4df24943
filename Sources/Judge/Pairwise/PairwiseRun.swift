import ChatClient
import Foundation

/// Comparing a whole answer file with a baseline into a folder, resumable.
///
/// The folder holds `JUDGE_pairwise.jsonl`, of any number of models and baselines, and `pairwise_calls.jsonl`.
public struct PairwiseRun: Sendable {
    public let folder: String
    public let grader: PairwiseGrader

    public init(folder: String, grader: PairwiseGrader) {
        self.folder = folder
        self.grader = grader
    }

    public var judgments: String {
        "\(folder)/\(grader.settings.model.replacing("/", with: "_"))_pairwise.jsonl"
    }

    public struct Outcome: Sendable {
        /// One row a question, in the suite's order.
        public let rows: [PairRow]
        public let notes: [CallNote]
        public let reused: Int
        /// Questions of which an answer is marked as failed: left out, not compared.
        public let failedAnswers: Int
    }

    private struct Job: Sendable {
        let index: Int
        let question: SuiteQuestion
        let answer: [String]
        let baseline: [String]
    }

    /// After so many questions without a single verdict for want of a reply the run gives up.
    private static let patience = 4

    /// Compares on every question; a question judged before on the same texts is not asked again.
    public func run(
        _ answers: ModelAnswers, against baseline: ModelAnswers, progress: @Sendable (Int, Int) -> Void = { _, _ in }
    ) async throws -> Outcome {
        let grader = grader
        let lock = try FolderLock(folder)
        defer { withExtendedLifetime(lock) {} }
        let all = try grader.suite.questions.enumerated().map { index, question in
            Job(
                index: index, question: question, answer: try answers.answers(to: question),
                baseline: try baseline.answers(to: question))
        }
        let jobs = all.filter { !ModelAnswers.failed($0.answer + $0.baseline) }
        let (log, noteLog) = (LineLog(path: judgments), LineLog(path: folder + "/pairwise_calls.jsonl"))
        var notes: [QuestionID: [CallNote]] = [:]
        let oldNotes = try noteLog.rows(as: CallNote.self)
        for note in oldNotes
        where note.model == answers.model && note.baseline == baseline.model && note.judge == grader.settings.model {
            notes[note.questionID, default: []].removeAll { $0.turn == note.turn }
            notes[note.questionID, default: []].append(note)
        }
        var (done, kept) = try finished(jobs, answers.model, baseline.model, log: log, notes: notes)
        try log.replace(with: try kept.map { try jsonLine($0) })
        if !FileManager.default.fileExists(atPath: noteLog.path) { try noteLog.replace(with: []) }
        let reused = done.count
        let open = jobs.filter { done[$0.index] == nil }
        progress(reused, jobs.count)
        var failures = 0
        try await forEachConcurrently(open, width: max(1, grader.settings.concurrency)) { job in
            try await grader.grade(
                job.question, model: answers.model, answer: job.answer, baseline: baseline.model,
                baselineAnswer: job.baseline)
        } receive: { place, graded in
            let job = open[place]
            for note in graded.notes { try noteLog.append(try jsonLine(note)) }
            try log.append(try jsonLine(graded.row))
            notes[job.question.id] = graded.notes
            done[job.index] = graded.row
            kept.append(graded.row)
            if graded.row.games.allSatisfy({ $0.judgment == JudgmentRow.apiError }) { failures += 1 }
            let asked = done.count - reused
            if failures == asked, asked == min(Self.patience, open.count) {
                throw JudgeError(
                    .noJudgment,
                    "the judge \(grader.settings.model) answered nothing about the first \(asked) questions: "
                        + (graded.notes.compactMap(\.error).first ?? "no reason given"))
            }
            progress(done.count, jobs.count)
        }
        let rows = jobs.compactMap { done[$0.index] }
        return Outcome(
            rows: rows, notes: rows.flatMap { (notes[$0.question] ?? []).sorted { $0.turn < $1.turn } }, reused: reused,
            failedAnswers: all.count - jobs.count)
    }

    private func finished(
        _ jobs: [Job], _ model: String, _ baseline: String, log: LineLog, notes: [QuestionID: [CallNote]]
    ) throws -> (done: [Int: PairRow], kept: [PairRow]) {
        let jobOf = Dictionary(uniqueKeysWithValues: jobs.map { ($0.question.id, $0) })
        var done: [Int: PairRow] = [:]
        var kept: [PairRow] = []
        for row in try log.rows(as: PairRow.self) {
            guard row.model == model, row.baseline == baseline, row.judge == grader.settings.model,
                let job = jobOf[row.question]
            else {
                kept.append(row)
                continue
            }
            let prompts = try [[job.baseline, job.answer], [job.answer, job.baseline]].map {
                try grader.suite.userPrompt(job.question, first: $0[0], second: $0[1])
            }
            let cut = (notes[row.question] ?? []).contains { $0.flags.contains(.exceedsContext) }
            let same = cut || zip(row.games, prompts).allSatisfy { $0.userPrompt.utf8.elementsEqual($1.utf8) }
            let again = row.games.enumerated().contains { place, game in
                let note = notes[row.question]?.last { $0.turn == place + 1 }
                return game.score == nil && (note?.unparsed?.isAskedAgain ?? game.judgment.allSatisfy(\.isWhitespace))
            }
            guard same, !again, row.games.count == 2, row.games.allSatisfy({ $0.judgment != JudgmentRow.apiError }),
                done[job.index] == nil
            else { continue }
            done[job.index] = row
            kept.append(row)
        }
        return (done, kept)
    }
}
