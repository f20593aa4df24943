import ChatClient
import Foundation
import Testing

@testable import Judge

/// Judges that think aloud, break off, or seem to refuse.
@Suite struct ThinkingJudgeTests {
    private func graded(_ judged: ChatReply) async throws -> SingleGrader.Graded {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let suite = try MTBenchSuite(folder: smallSuite(scratch))
        let grader = SingleGrader(
            suite: suite, service: ScriptedJudge { _ in judged }, settings: JudgeSettings(model: "j"))
        return try await grader.grade(suite.questions[0], turn: 1, answers: ["a1", "a2"], model: "m")
    }

    @Test(arguments: [
        "<think>Maybe [[5]], or [[3]].</think>Rating: [[9]]", "Perhaps [[5]]\n</think>\n\nRating: [[9]]",
        "[THINK]\n[[5]]\n[/THINK][[9]]", "<seed:think>[[5]]</seed:think>[[9]]", "◁think▷[[5]]◁/think▷[[9]]",
        "<|channel|>analysis<|message|>[[5]]<|end|><|start|>assistant<|channel|>final<|message|>[[9]]",
        "analysisPerhaps [[5]].assistantfinalRating: [[9]]", "<Reasoning>[[5]]</Reasoning> [[9]]",
        "<think></think><think>[[5]]</think>[[9]]",
    ])
    func theRatingIsNotTakenFromThoughts(_ text: String) async throws {
        let graded = try await graded(reply(text))
        #expect(graded.row.score == 9 && graded.note.flags.isEmpty)
        #expect(graded.row.judgment == text)
    }

    @Test(arguments: ["<think>\nPerhaps [[3]]", "[THINK] [[3]] and so", "<|channel|>analysis<|message|>[[3]]"])
    func thoughtsWithoutEndGiveNoScoreAndSaySo(_ text: String) async throws {
        for finish in [ChatReply.Finish.stop, .length] {
            let graded = try await graded(reply(text, finish))
            #expect(graded.row.score == nil && graded.note.unparsed == .unendedThoughts)
        }
    }

    @Test func theMereWordForThoughtsIsNone() async throws {
        #expect(try await graded(reply("It opens with <think> for no reason. [[4]]")).row.score == 4)
    }

    @Test func manyThoughtsAreReadInTimeThatGrowsWithTheirLength() {
        for piece in ["<think>", "</think>", "<think></think>", "<|end|>", "a<thoughts>", "<|channel|>"] {
            let time = ContinuousClock().measure { _ = SpokenText(of: String(repeating: piece, count: 5_000)) }
            #expect(time < .seconds(20), "\(piece)")
        }
    }

    @Test(arguments: [
        "I cannot find any error in this answer.", "I can't see what would improve it.",
        "I'm sorry to say that it is wrong.",
        "I cannot give full marks here.",
    ])
    func praiseAndBlameAreNoRefusal(_ text: String) async throws {
        #expect(try await graded(reply(text)).note.unparsed == .noRating)
    }

    @Test(arguments: [
        "I'm sorry, but I can't assist with that.", "I cannot rate this.", "I’m unable to provide a rating for this.",
        "As an AI language model, I cannot judge opinions.", "I must decline.", "I won't evaluate such an answer.",
    ])
    func refusalsAreKnown(_ text: String) async throws {
        #expect(try await graded(reply(text)).note.unparsed == .refusal)
    }

    @Test func aJudgmentThatTheLimitCutOffIsAskedForAgain() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let suite = try MTBenchSuite(folder: smallSuite(scratch))
        func run(_ judge: ScriptedJudge) async throws -> SingleRun.Outcome {
            let grader = SingleGrader(suite: suite, service: judge, settings: JudgeSettings(model: "j"))
            return try await SingleRun(folder: scratch.path + "/out", grader: grader).run(smallAnswers())
        }
        let cut = try await run(
            ScriptedJudge { request in
                if request.shown.contains("two?") { return reply("", .length) }
                if request.shown.contains("four?") { return reply("<think>Well", .length) }
                return reply(request.shown.contains("five?") ? "I have no opinion." : "[[6]]")
            })
        #expect(
            JudgeScore(of: cut.rows, notes: cut.notes).unparsedReasons == [
                "cutOff": 1, "unendedThoughts": 1, "noRating": 1,
            ])
        let again = ScriptedJudge { _ in reply("[[8]]") }
        let whole = try await run(again)
        #expect(again.requests.count == 2 && whole.reused == 3)
        #expect(whole.rows.compactMap(\.score).sorted() == [6, 6, 8, 8])
    }

    @Test func labelsInThoughtsDoNotVoidAVerdict() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let suite = try smallPairwiseSuite(scratch)
        func play(_ judge: ScriptedJudge) async throws -> PairwiseRun.Outcome {
            let grader = PairwiseGrader(suite: suite, service: judge, settings: JudgeSettings(model: "j"))
            return try await PairwiseRun(folder: scratch.path + "/out", grader: grader).run(
                smallAnswers("m"), against: smallAnswers("b"))
        }
        let judge = ScriptedJudge { request in
            request.shown.contains("five?")
                ? reply("<think>[[A>B]]", .length) : reply("<think>[[A>B]] or [[B>A]]?</think>[[A=B]]")
        }
        let outcome = try await play(judge)
        #expect(outcome.rows.map { $0.games.map(\.score) } == [[.tie, .tie], [.tie, .tie], [nil, nil]])
        #expect(outcome.notes.compactMap(\.unparsed) == [.unendedThoughts, .unendedThoughts])
        let again = try await play(ScriptedJudge { _ in reply("[[A=B]]") })
        #expect(again.reused == 2 && again.rows[2].games.map(\.score) == [.tie, .tie])
    }

    @Test func failedAnswersAreLeftOutAndCounted() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let suite = try MTBenchSuite(folder: smallSuite(scratch))
        let answers = ModelAnswers(
            model: "m", turns: [1: ["a1", "$ERROR$"], 2: ["$ERROR$", "a4"], 3: ["says $ERROR$ itself"]])
        let judge = ScriptedJudge { _ in reply("[[7]]") }
        let grader = SingleGrader(suite: suite, service: judge, settings: JudgeSettings(model: "j"))
        let outcome = try await SingleRun(folder: scratch.path + "/out", grader: grader).run(answers)
        #expect(judge.requests.count == 2)
        #expect(outcome.failedAnswers == 3 && outcome.rows.count == 2)
        let score = JudgeScore(of: outcome.rows, notes: outcome.notes, failedAnswers: outcome.failedAnswers)
        #expect(score.failedAnswers == 3 && score.score == 7 && score.unparsed == 0)
    }

    @Test func ratingsOffTheScaleStayOutAndFastChatsMeanStandsBeside() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let suite = try MTBenchSuite(folder: smallSuite(scratch))
        let long = String(repeating: "9", count: 310)
        func run(_ judge: ScriptedJudge) async throws -> SingleRun.Outcome {
            let grader = SingleGrader(suite: suite, service: judge, settings: JudgeSettings(model: "j"))
            return try await SingleRun(folder: scratch.path + "/out", grader: grader).run(smallAnswers())
        }
        let judge = ScriptedJudge { request in
            if request.shown.contains("two?") { return reply("[[11]]") }
            if request.shown.contains("four?") { return reply("[[\(long)]]") }
            return reply(request.shown.contains("five?") ? "<think>[[2]]</think>[[8]]" : "[[6]]")
        }
        let outcome = try await run(judge)
        let score = JudgeScore(of: outcome.rows, notes: outcome.notes)
        #expect(abs(try #require(score.score) - 20.0 / 3) < 1e-12)
        #expect(score.fastChatScore == (6 + 6 + 2 + 11) / 4.0)
        #expect(score.unparsedReasons == ["outOfRange": 2])
        #expect(try !scratch.read("out/j_single.jsonl").contains("inf"))
        let again = ScriptedJudge { _ in reply("[[1]]") }
        #expect(try await run(again).rows.map(\.score) == outcome.rows.map(\.score))
        #expect(again.requests.isEmpty)
    }

    @Test func aFolderWithAnInfiniteScoreOfAnOlderVersionIsReadAgain() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let row = JudgmentRow(
            question: 1, model: "m", judge: ["j", "p"], userPrompt: "u", judgment: "says \"score\": inf, too", score: 3,
            turn: 1, time: 1)
        for impossible in ["inf", "-inf", "Infinity", "NaN", String(repeating: "1", count: 400)] {
            let path = try scratch.write(
                row.line.replacing("\"score\": 3", with: "\"score\": \(impossible)") + "\n", to: "old.jsonl")
            let read = try JudgmentRow.read(path)
            #expect(read.count == 1 && read[0].score == nil && read[0].judgment == row.judgment, "\(impossible)")
        }
    }
}
