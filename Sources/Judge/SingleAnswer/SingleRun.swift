import ChatClient
import Foundation
import LabCore

/// Grading a whole answer file into a folder, resumable: what is judged already is not asked again.
///
/// The folder holds `JUDGE_single.jsonl` with FastChat's rows, of any number of models, and `calls.jsonl`.
public struct SingleRun: Sendable {
    public let folder: String
    public let grader: SingleGrader

    public init(folder: String, grader: SingleGrader) {
        self.folder = folder
        self.grader = grader
    }

    public var judgments: String { Self.judgmentFile(in: folder, judge: grader.settings.model) }

    static func judgmentFile(in folder: String, judge: String) -> String {
        "\(folder)/\(judge.replacing("/", with: "_"))_single.jsonl"
    }

    /// What a run came to.
    public struct Outcome: Sendable {
        /// One row a call, in the suite's order.
        public let rows: [JudgmentRow]
        public let notes: [CallNote]
        /// Calls that were answered in an earlier run.
        public let reused: Int
        /// Answers that the answer file marks as failed: left out, not graded.
        public let failedAnswers: Int
    }

    private struct Job: Sendable {
        let question: SuiteQuestion
        let turn: Int
        let answers: [String]
    }

    /// After so many requests without a single judgment the run gives up.
    private static let patience = 8

    /// Grades all answers of a model; judgments land in the file one by one.
    ///
    /// A row counts as done when its prompt is the one that would be sent now, and its request neither failed nor was cut
    /// off before any rating.
    /// - Parameter progress: called with judgments done and wanted.
    public func run(
        _ answers: ModelAnswers, progress: @Sendable (Int, Int) -> Void = { _, _ in }
    ) async throws -> Outcome {
        let calls = try grader.suite.calls(for: answers, judge: grader.settings.model)
        let lock = try FolderLock(folder)
        defer { withExtendedLifetime(lock) {} }
        let jobs = try grader.plan().map {
            Job(question: $0.question, turn: $0.turn, answers: try answers.answers(to: $0.question))
        }
        let sound = Set(jobs.indices.filter { !ModelAnswers.failed(jobs[$0].answers.prefix(jobs[$0].turn)) })
        let (log, noteLog) = (LineLog(path: judgments), LineLog(path: folder + "/calls.jsonl"))
        var notes: [NoteKey: CallNote] = [:]
        for note in try noteLog.rows(as: CallNote.self) { notes[NoteKey(note)] = note }
        var (done, kept) = try finished(calls, model: answers.model, log: log, notes: notes)
        try log.replace(with: kept.map(\.line))
        try noteLog.replace(with: notes.values.sorted { NoteKey($0) < NoteKey($1) }.map { try jsonLine($0) })
        done = done.filter { sound.contains($0.key) }
        let reused = done.count
        let open = calls.indices.filter { done[$0] == nil && sound.contains($0) }
        progress(done.count, sound.count)
        var failures = 0
        let (grader, model) = (grader, answers.model)
        try await forEachConcurrently(open, width: grader.settings.concurrency) { index in
            let job = jobs[index]
            return (
                index, try await grader.grade(job.question, turn: job.turn, answers: job.answers, model: model)
            )
        } receive: { _, result in
            let (index, graded) = result
            // The note first: a row without its note would have no cost.
            try noteLog.append(try jsonLine(graded.note))
            try log.append(graded.row.line)
            notes[NoteKey(graded.note)] = graded.note
            done[index] = graded.row
            kept.append(graded.row)
            if graded.row.judgment == JudgmentRow.apiError { failures += 1 }
            let asked = done.count - reused
            if failures == asked, asked == min(Self.patience, open.count) {
                throw JudgeError(
                    .noJudgment,
                    "the judge \(grader.settings.model) answered none of the first \(asked) requests: "
                        + (graded.note.error ?? "no reason given"))
            }
            progress(done.count, sound.count)
        }
        let rows = calls.indices.compactMap { done[$0] }
        let ownNotes = rows.compactMap { row in
            notes[
                NoteKey(question: row.question, model: row.model, judge: grader.settings.model, turn: row.turn)]
        }
        return Outcome(rows: rows, notes: ownNotes, reused: reused, failedAnswers: jobs.count - sound.count)
    }

    /// Rows of earlier runs that answer today's calls, and all rows worth keeping in the file.
    private func finished(
        _ calls: [SingleCall], model: String, log: LineLog, notes: [NoteKey: CallNote]
    ) throws -> (done: [Int: JudgmentRow], kept: [JudgmentRow]) {
        let index = Dictionary(
            uniqueKeysWithValues: calls.indices.map {
                (CallKey(question: calls[$0].question, turn: calls[$0].turn), $0)
            })
        var done: [Int: JudgmentRow] = [:]
        var kept: [JudgmentRow] = []
        for row in JudgmentRow.latest(of: try log.rows()) {
            guard row.model == model, row.judge.first == grader.settings.model,
                let place = index[CallKey(question: row.question, turn: row.turn)]
            else {
                kept.append(row)
                continue
            }
            let note = notes[
                NoteKey(question: row.question, model: model, judge: grader.settings.model, turn: row.turn)]
            let same =
                row.userPrompt.utf8.elementsEqual(calls[place].user.utf8)
                || note?.uncutPrompt == ContentHash.sha256(calls[place].user)
            let again = row.score == nil && (note?.unparsed?.isAskedAgain ?? row.judgment.allSatisfy(\.isWhitespace))
            guard row.judge.last == calls[place].promptName, same, row.judgment != JudgmentRow.apiError, !again else {
                continue
            }
            done[place] = row
            kept.append(row)
        }
        return (done, kept)
    }
}

private struct CallKey: Hashable {
    let question: QuestionID
    let turn: Int
}

/// Which call a note is about.
private struct NoteKey: Hashable, Comparable {
    let question: QuestionID
    let model: String
    let judge: String
    let turn: Int

    init(question: QuestionID, model: String, judge: String, turn: Int) {
        self.question = question
        self.model = model
        self.judge = judge
        self.turn = turn
    }

    init(_ note: CallNote) {
        self.init(question: note.questionID, model: note.model, judge: note.judge, turn: note.turn)
    }

    static func < (left: NoteKey, right: NoteKey) -> Bool {
        (left.model, left.judge, left.turn, left.question) < (right.model, right.judge, right.turn, right.question)
    }
}
