public import ChatClient
import Foundation

/// Compares two models' answers question by question, each pair in both orders.
public struct PairwiseGrader: Sendable {
    public let suite: PairwiseSuite
    public let settings: JudgeSettings
    private let service: any ChatService

    public init(suite: PairwiseSuite, service: any ChatService, settings: JudgeSettings) {
        self.suite = suite
        self.service = service
        self.settings = settings
    }

    /// Both games of one question and what they took.
    public struct Graded: Sendable {
        public let row: PairRow
        public let notes: [CallNote]
    }

    /// What a judge is told that gave no verdict.
    private static let reminder = "Now give your final verdict, as one of the labels in double square brackets."

    /// A request that fails leaves its game without a verdict; throws only what would fail every request.
    public func grade(
        _ question: SuiteQuestion, model: String, answer: [String], baseline: String, baselineAnswer: [String]
    ) async throws -> Graded {
        var games: [PairRow.Game] = []
        var notes: [CallNote] = []
        for number in 1...2 {
            let order = number == 1 ? [baselineAnswer, answer] : [answer, baselineAnswer]
            let (game, note) = try await play(
                question, order, answer: answer, model: model, baseline: baseline, number: number)
            games.append(game)
            notes.append(note)
        }
        let lengths = [answer, baselineAnswer].map { $0.reduce(0) { $0 + $1.unicodeScalars.count } }
        let row = PairRow(
            question: question.id, model: model, baseline: baseline, judge: settings.model, games: games,
            lengths: lengths, time: Date().timeIntervalSince1970)
        return Graded(row: row, notes: notes)
    }

    private func play(
        _ question: SuiteQuestion, _ order: [[String]], answer: [String], model: String, baseline: String, number: Int
    ) async throws -> (PairRow.Game, CallNote) {
        var flags = Judge.flags(of: answer.joined(separator: "\n\n"), in: suite.prompt.template)
        let split = order[0].count
        let asked = try await settings.ask(service, about: order[0] + order[1]) { shown in
            let prompt = try suite.userPrompt(
                question, first: Array(shown[..<split]), second: Array(shown[split...]))
            return [ChatMessage(.system, suite.prompt.system), ChatMessage(.user, prompt)]
        }
        if asked.cut { flags.append(.exceedsContext) }
        var replies = asked.reply.map { [$0] } ?? []
        var failure = asked.failure
        var messages = asked.messages
        let marks = AnswerMarks(of: order[0] + order[1])
        while let last = replies.last, replies.count < suite.prompt.attempts,
            [.none, .repeatsAnswer].contains(Self.reading(of: replies, besides: marks)),
            UnparsedReason(last) != .refusal
        {
            let said = SpokenText(of: last.text).text
            let shown = said.allSatisfy(\.isWhitespace) ? "(no verdict)" : said
            messages += [ChatMessage(.assistant, shown), ChatMessage(.user, Self.reminder)]
            do {
                replies.append(try await service.complete(settings.request(messages), for: settings.purpose))
            } catch let error as ChatError where !error.endsTheRun {
                failure = error
                break
            }
        }
        var verdict: PairVerdict?
        var reason: UnparsedReason?
        switch Self.reading(of: replies, besides: marks) {
        case .verdict(let found): verdict = found
        case .repeatsAnswer: reason = .repeatsAnswer
        case .contested, .none:
            reason = replies.last.map { UnparsedReason($0) } ?? failure.map { UnparsedReason($0) }
        }
        let game = PairRow.Game(
            userPrompt: asked.messages.last?.content ?? "",
            judgment: replies.isEmpty ? JudgmentRow.apiError : replies.map(\.text).joined(separator: "\n"),
            score: verdict)
        let note = CallNote(
            question: question.id, model: model, baseline: baseline, judge: settings.model, turn: number, flags: flags,
            unparsed: reason,
            replies: replies, error: failure?.message)
        return (game, note)
    }

    /// Whether an answer's own marks, and not its rival's, are all the verdicts of a judge's words.
    static func isSilenced(_ game: PairRow.Game, by answer: [String]) -> Bool {
        game.score == nil
            && PairVerdict.read(SpokenText(of: game.judgment).text, besides: AnswerMarks(of: answer)) == .repeatsAnswer
    }

    private static func reading(of replies: [ChatReply], besides marks: AnswerMarks) -> PairVerdict.Reading {
        guard !replies.contains(where: { $0.choices.first?.finish == .refusal }) else { return .none }
        return PairVerdict.read(replies.map { SpokenText(of: $0.text).text }.joined(separator: "\n"), besides: marks)
    }
}
