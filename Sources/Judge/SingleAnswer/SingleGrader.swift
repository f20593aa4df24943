public import ChatClient
import Foundation
import LabCore

/// Grades answers one by one with a model, as FastChat's single-answer grading does.
public struct SingleGrader: Sendable {
    public let suite: MTBenchSuite
    public let settings: JudgeSettings
    private let service: any ChatService

    public init(suite: MTBenchSuite, service: any ChatService, settings: JudgeSettings) {
        self.suite = suite
        self.service = service
        self.settings = settings
    }

    /// One judgment and what it took.
    public struct Graded: Sendable {
        public let row: JudgmentRow
        public let note: CallNote
    }

    /// Grades one turn. A request that fails gives a row without a score; throws only what would fail every request.
    public func grade(
        _ question: SuiteQuestion, turn: Int, answers: [String], model: String
    ) async throws -> Graded {
        let call = try suite.call(question, turn: turn, answers: answers, judge: settings.model)
        var flags = Judge.flags(of: answers[turn - 1], in: suite.prompts[call.promptName]?.template)
        let asked = try await settings.ask(service, about: answers) { shown in
            let shownCall = try suite.call(question, turn: turn, answers: shown, judge: settings.model)
            return [ChatMessage(.system, shownCall.system), ChatMessage(.user, shownCall.user)]
        }
        if asked.cut { flags.append(.exceedsContext) }
        return graded(call, asked, model: model, flags: flags, marks: AnswerMarks(of: Array(answers[..<turn])))
    }

    private func graded(
        _ call: SingleCall, _ asked: Asked, model: String, flags: [AnswerFlag], marks: AnswerMarks
    ) -> Graded {
        let reply = asked.reply
        var flags = flags
        let reading = reply.map { Self.reading(of: $0, besides: marks) } ?? .none
        let rating = reading.rating
        if rating?.singleBrackets == true { flags.append(.singleBrackets) }
        if rating?.contested == true { flags.append(.contestedRating) }
        if reading == .outOfRange { flags.append(.ratingOutOfRange) }
        let reason: UnparsedReason? =
            switch reading {
            case .rating: nil
            case .outOfRange: .outOfRange
            case .repeatsAnswer: .repeatsAnswer
            case .none: reply.map { UnparsedReason($0) } ?? asked.failure.map { UnparsedReason($0) }
            }
        let row = JudgmentRow(
            question: call.question, model: model, judge: [settings.model, call.promptName],
            userPrompt: asked.messages.last?.content ?? call.user,
            judgment: reply?.text ?? JudgmentRow.apiError, score: rating?.value, turn: call.turn,
            time: Date().timeIntervalSince1970)
        let note = CallNote(
            question: call.question, model: model, judge: settings.model, turn: call.turn, flags: flags,
            unparsed: reason, replies: reply.map { [$0] } ?? [], error: asked.failure?.message,
            uncutPrompt: asked.cut ? ContentHash.sha256(call.user) : nil)
        return Graded(row: row, note: note)
    }

    /// A refusal is no score even where it holds a number, and thoughts are no judgment.
    private static func reading(of reply: ChatReply, besides marks: AnswerMarks) -> Rating.Reading {
        guard reply.choices.first?.finish != .refusal else { return .none }
        return Rating.read(SpokenText(of: reply.text).text, besides: marks)
    }

    /// The turns to grade of each question, in FastChat's order.
    func plan() -> [(question: SuiteQuestion, turn: Int)] {
        [1, 2].flatMap { turn in suite.questions.filter { turn == 1 || $0.turns.count == 2 }.map { ($0, turn) } }
    }
}
