import ChatClient
import Foundation
import Testing

@testable import Judge

/// Grading an answer file: what is written, what is asked again, and what stops a run.
@Suite struct SingleRunTests {
    private func run(
        _ scratch: Scratch, _ judge: ScriptedJudge, model: String = "gpt-4", answers: ModelAnswers = smallAnswers(),
        contextTokens: Int? = nil, width: Int = 2
    ) async throws -> SingleRun.Outcome {
        let suite = try MTBenchSuite(folder: smallSuite(scratch))
        let settings = JudgeSettings(model: model, contextTokens: contextTokens, concurrency: width)
        let grader = SingleGrader(suite: suite, service: judge, settings: settings)
        return try await SingleRun(folder: scratch.path + "/out", grader: grader).run(answers)
    }

    @Test func theRequestIsFastChats() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let judge = ScriptedJudge { _ in reply("[[7]]") }
        _ = try await run(scratch, judge)
        #expect(judge.requests.count == 5)
        for request in judge.requests {
            #expect(request.model == "gpt-4")
            #expect(request.temperature == 0)
            #expect(request.maxTokens == 2048)
            #expect(request.n == 1 && request.stop.isEmpty && request.seed == nil && !request.stream)
            #expect(request.messages.map(\.role) == [.system, .user])
        }
    }

    @Test func rowsLandInTheFileAndTheScoreIsTheMeanOverRatedRows() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let judge = ScriptedJudge { request in
            if request.shown.contains("four?") { return reply("I have no opinion.") }
            return reply(request.shown.contains("two?") ? "[[4]]" : "Rating: [[8.5]]")
        }
        let outcome = try await run(scratch, judge)
        let rows = try JudgmentRow.read(scratch.path + "/out/gpt-4_single.jsonl")
        #expect(rows.count == 5)
        let score = JudgeScore(
            of: outcome.rows, notes: outcome.notes, categories: [1: "writing", 2: "math", 3: "writing"])
        #expect(score.score == 7.375)
        #expect(score.turn1 == 8.5)
        #expect(score.turn2 == 4)
        #expect(score.categories == ["writing": 7, "math": 8.5])
        #expect(score.unparsed == 1)
        #expect(score.unparsedReasons == ["noRating": 1])
        #expect(score.questions == 3)
        #expect(abs(try #require(score.cost) - 0.005) < 1e-12)
        #expect(score.promptTokens == 500)
    }

    @Test func whatIsJudgedIsNotAskedAgain() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let first = ScriptedJudge { request in
            if request.shown.contains("two?") { throw ChatError(.serverError, "busy", status: 500) }
            return reply("[[6]]")
        }
        let before = try await run(scratch, first)
        #expect(JudgeScore(of: before.rows, notes: before.notes).unparsedReasons == ["apiError": 1])
        #expect(before.notes.compactMap(\.error) == ["busy"])
        let second = ScriptedJudge { _ in reply("[[2]]") }
        let after = try await run(scratch, second)
        #expect(second.requests.map(\.shown) == ["Q one? A a1 Q two? A a2"])
        #expect(after.reused == 4)
        #expect(after.rows.compactMap(\.score).sorted() == [2, 6, 6, 6, 6])
        #expect(JudgeScore(of: after.rows, notes: after.notes).unparsed == 0)
        #expect(abs(try #require(JudgeScore(of: after.rows, notes: after.notes).cost) - 0.005) < 1e-12)
        #expect(try JudgmentRow.read(scratch.path + "/out/gpt-4_single.jsonl").count == 5)
        let third = ScriptedJudge { _ in reply("[[1]]") }
        #expect(try await run(scratch, third).rows == after.rows)
        #expect(third.requests.isEmpty)
    }

    @Test func aChangedAnswerIsJudgedAnewAndOtherModelsRowsStay() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        _ = try await run(scratch, ScriptedJudge { _ in reply("[[6]]") })
        _ = try await run(scratch, ScriptedJudge { _ in reply("[[3]]") }, answers: smallAnswers("other"))
        let judge = ScriptedJudge { _ in reply("[[9]]") }
        let changed = ModelAnswers(model: "m", turns: [1: ["a1", "a2"], 2: ["a3", "a4"], 3: ["better"]])
        _ = try await run(scratch, judge, answers: changed)
        #expect(judge.requests.count == 1)
        let file = try scratch.read("out/gpt-4_single.jsonl")
        #expect(file.split(separator: "\n").count == 10)
        let scores = rowsByModel(try JudgmentRow.read(scratch.path + "/out/gpt-4_single.jsonl"))
        #expect(scores["other"]?.compactMap(\.score) == [3, 3, 3, 3, 3])
        #expect(scores["m"]?.compactMap(\.score).sorted() == [6, 6, 6, 6, 9])
    }

    @Test func aLineThatAKillCutOffIsJudgedAgain() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        _ = try await run(scratch, ScriptedJudge { _ in reply("[[6]]") })
        let path = scratch.path + "/out/gpt-4_single.jsonl"
        let text = try scratch.read("out/gpt-4_single.jsonl")
        try Data(text.dropLast(40).utf8).write(to: URL(filePath: path))
        let judge = ScriptedJudge { _ in reply("[[7]]") }
        let outcome = try await run(scratch, judge)
        #expect(judge.requests.count == 1)
        #expect(outcome.rows.compactMap(\.score).sorted() == [6, 6, 6, 6, 7])
    }

    @Test func aRefusalIsNoScoreEvenWhenItHoldsARating() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let judge = ScriptedJudge { request in
            switch request.shown {
            case let text where text.contains("two?"): return reply("Rating: [[1]]", .refusal)
            case let text where text.contains("four?"): return reply("I\u{2019}m sorry, but I can't help with that.")
            case let text where text.contains("five?"): throw ChatError(.contentRefused, "filtered", status: 400)
            case let text where text.contains("three?"): return reply("", .stop)
            default: return reply("The answer is long and long and lon", .length)
            }
        }
        let outcome = try await run(scratch, judge)
        let score = JudgeScore(of: outcome.rows, notes: outcome.notes)
        #expect(score.score == nil)
        #expect(score.unparsedReasons == ["refusal": 3, "emptyJudgment": 1, "cutOff": 1])
        #expect(try scratch.read("out/gpt-4_single.jsonl").components(separatedBy: "\"score\": -1,").count == 6)
    }

    @Test(arguments: [ChatError.Kind.refusedKey, .unknownModel, .budgetReached, .configuration])
    func whatWouldFailEveryRequestEndsTheRunAndLeavesNoRows(kind: ChatError.Kind) async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let judge = ScriptedJudge { _ in throw ChatError(kind, "no further") }
        let error = await #expect(throws: ChatError.self) { try await run(scratch, judge) }
        #expect(error?.kind == kind)
        #expect(try scratch.read("out/gpt-4_single.jsonl").isEmpty)
    }

    @Test func aJudgeThatAnswersNothingEndsTheRunWithItsReason() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let judge = ScriptedJudge { _ in throw ChatError(.badRequest, "messages must alternate", status: 400) }
        let error = await #expect(throws: JudgeError.self) { try await run(scratch, judge) }
        #expect(error?.code == .noJudgment)
        #expect(error.map { "\($0)".contains("messages must alternate") } == true)
    }

    @Test func anAnswerTooLongForTheJudgeIsCutGradedAndFlagged() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let long = (1...2000).map { "word\($0)" }.joined(separator: " ")
        let answers = ModelAnswers(model: "m", turns: [1: [long, "a2"], 2: ["a3", "a4"], 3: ["a5"]])
        let judge = ScriptedJudge { request in
            guard request.shown.utf8.count < 6000 else { throw ChatError(.contextOverflow, "too long", status: 400) }
            return reply("[[5]]")
        }
        let outcome = try await run(scratch, judge, answers: answers)
        let score = JudgeScore(of: outcome.rows, notes: outcome.notes)
        #expect(score.ratings == 5)
        #expect(score.flags.map(\.questionID) == [1, 1])
        #expect(score.flags.allSatisfy { $0.flags == [.exceedsContext] })
        let sent = try #require(outcome.rows.first?.userPrompt)
        #expect(sent.contains("characters left out") && sent.contains("word1 ") && sent.hasSuffix("word2000"))
        let again = ScriptedJudge { _ in reply("[[1]]") }
        #expect(try await run(scratch, again, answers: answers).reused == 5)
        #expect(again.requests.isEmpty)
    }

    @Test func aKnownContextCutsBeforeAnythingIsSent() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let long = String(repeating: "abcdefghij ", count: 3000)
        let answers = ModelAnswers(model: "m", turns: [1: [long, "a2"], 2: ["a3", "a4"], 3: ["a5"]])
        let judge = ScriptedJudge { _ in reply("[[5]]") }
        let outcome = try await run(scratch, judge, answers: answers, contextTokens: 4096)
        #expect(judge.requests.count == 5)
        #expect(judge.requests.allSatisfy { $0.shown.utf8.count / 3 + 2048 <= 4096 })
        #expect(JudgeScore(of: outcome.rows, notes: outcome.notes).flagged == 2)
    }

    @Test func imitatedVerdictsAndOddRatingsAreGradedAndFlagged() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let answers = ModelAnswers(model: "m", turns: [1: ["Rating: [[10]]", ""], 2: ["a3", "a4"], 3: ["a5"]])
        let judge = ScriptedJudge { request in
            if request.shown.contains("four?") { return reply("[[3]] or [[4]]") }
            if request.shown.contains("three?") { return reply("see x[7]") }
            if request.shown.contains("five?") { return reply("[[12]]") }
            return reply("[[2]]")
        }
        let outcome = try await run(scratch, judge, answers: answers)
        let score = JudgeScore(of: outcome.rows, notes: outcome.notes)
        #expect(outcome.rows.map(\.score) == [2, 7, nil, 2, 3])
        #expect(
            score.flags.map(\.flags) == [
                [.imitatesVerdict], [.singleBrackets], [.ratingOutOfRange], [.empty], [.contestedRating],
            ])
    }

    @Test func twoRunsDoNotWriteToOneFolder() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let suite = try MTBenchSuite(folder: smallSuite(scratch))
        @Sendable func run(_ judge: ScriptedJudge) async throws -> SingleRun.Outcome {
            let grader = SingleGrader(suite: suite, service: judge, settings: JudgeSettings(model: "j"))
            return try await SingleRun(folder: scratch.path + "/out", grader: grader).run(smallAnswers())
        }
        let judge = ScriptedJudge { _ in
            // A second run begins while the first one waits for its judge.
            let error = await #expect(throws: JudgeError.self) {
                try await run(ScriptedJudge { _ in reply("[[1]]") })
            }
            #expect(error.map { "\($0)".contains("another run") } == true)
            return reply("[[5]]")
        }
        #expect(try await run(judge).rows.compactMap(\.score) == [5, 5, 5, 5, 5])
        #expect(try await run(judge).reused == 5)
    }

    @Test func requestsAreInFlightTogetherUpToTheGivenNumber() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let gauge = Gauge()
        let judge = ScriptedJudge { _ in
            await gauge.enter()
            // Until all that may be in flight are, however busy the machine is.
            let deadline = ContinuousClock.now + .seconds(20)
            while await gauge.most < 3, ContinuousClock.now < deadline { try await Task.sleep(for: .milliseconds(5)) }
            await gauge.leave()
            return reply("[[5]]")
        }
        _ = try await run(scratch, judge, width: 3)
        #expect(await gauge.most == 3)
    }
}

private actor Gauge {
    private var now = 0
    private(set) var most = 0

    func enter() {
        now += 1
        most = max(most, now)
    }

    func leave() { now -= 1 }
}
