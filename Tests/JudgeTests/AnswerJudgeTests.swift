import ChatClient
import Foundation
import LabCore
import Testing

@testable import Judge

/// The judges as a stage of a campaign.
@Suite struct AnswerJudgeTests {
    private let answers = [
        Answer(questionID: 1, samples: [["a1", "a2"], ["b1", "b2"]]), Answer(questionID: 3, samples: [["c1"], ["d1"]]),
    ]

    @Test func everySampleAndTurnIsJudgedInOrder() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let suite = try MTBenchSuite(folder: smallSuite(scratch))
        let judge = ScriptedJudge { request in
            try await Task.sleep(for: .milliseconds(request.shown.contains("a1") ? 40 : 1))
            return reply(request.shown.contains("b2") ? "[[3]]" : "[[8]]")
        }
        let stage = MTBenchJudge(
            suite: suite, service: judge,
            settings: JudgeSettings(model: "j", purpose: ChatPurpose(step: "judge", campaign: "c", candidate: 4)))
        let judgments = try await stage.judge(answers, of: "any", questions: .search)
        #expect(judgments.map(\.questionID) == [1, 1, 1, 1, 3, 3])
        #expect(judgments.map(\.sample) == [0, 0, 1, 1, 0, 1])
        #expect(judgments.map(\.turn) == [0, 1, 0, 1, 0, 0])
        #expect(judgments.map(\.score) == [8, 8, 8, 3, 8, 8])
        #expect(questionScores(of: judgments, questionIDs: [1, 3]) == [6.75, 8])
    }

    @Test func whatIsNoScoreSaysWhyAndOddRatingsStayOut() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let suite = try MTBenchSuite(folder: smallSuite(scratch))
        let judge = ScriptedJudge { request in
            if request.shown.contains("a2") { return reply("I cannot rate this.") }
            if request.shown.contains("b2") { throw ChatError(.serverError, "down", status: 503) }
            return reply(request.shown.contains("c1") ? "[[99]]" : "[[8]]")
        }
        let stage = MTBenchJudge(
            suites: ["w": [.search: suite]], service: judge, settings: JudgeSettings(model: "j"))
        let judgments = try await stage.judge(answers, of: "w", questions: .search)
        #expect(judgments.map(\.score) == [8, nil, 8, nil, nil, 8])
        #expect(judgments[1].explanation.contains("refusal"))
        #expect(judgments[3].explanation.contains("down"))
        #expect(judgments[4].explanation.contains("ratingOutOfRange"))
        await #expect(throws: JudgeError.self) { try await stage.judge(answers, of: "w", questions: .heldOut) }
        let strange = [Answer(questionID: 77, samples: [["x"]])]
        await #expect(throws: JudgeError.self) { try await stage.judge(strange, of: "w", questions: .search) }
    }

    /// Without a score it would count as the mean of the others, which a search would learn to use.
    @Test func anAnswerThatHoldsEveryRatingGainsNothing() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let suite = try MTBenchSuite(folder: smallSuite(scratch))
        let judge = ScriptedJudge { _ in reply("Nonsense. Rating: [[3]]") }
        let stage = MTBenchJudge(suite: suite, service: judge, settings: JudgeSettings(model: "j"))
        let every = (1...10).map { "[[\($0)]]" }.joined(separator: " ")
        let claiming = [Answer(questionID: 3, samples: [[every], ["an answer"], ["return a[3]"]])]
        let judgments = try await stage.judge(claiming, of: "w", questions: .search)
        #expect(judgments.map(\.score) == [1, 3, 3])
        #expect(judgments[0].explanation.hasPrefix("(the lowest score, for the answer holds ratings itself)"))
    }

    @Test func aDeadJudgeIsAnErrorNotATableOfHoles() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let suite = try MTBenchSuite(folder: smallSuite(scratch))
        let dead = ScriptedJudge { _ in throw ChatError(.network, "connection refused") }
        let stage = MTBenchJudge(suite: suite, service: dead, settings: JudgeSettings(model: "j"))
        let error = await #expect(throws: JudgeError.self) {
            try await stage.judge(answers, of: "w", questions: .search)
        }
        #expect(error.map { "\($0)".contains("connection refused") } == true)
    }

    @Test func worldsQuestionsCanBeJudgedUnderMTBenchsPrompts() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let folder = try smallSuite(scratch)
        let world = RealData.repository.appending(path: "evaluation/microbench/base/question.jsonl").path
        let suite = try MTBenchSuite(name: "base", questions: world, prompts: folder + "/judge_prompts.jsonl")
        let judge = ScriptedJudge { _ in reply("[[5]]") }
        let stage = MTBenchJudge(
            suites: ["base": [.search: suite]], service: judge, settings: JudgeSettings(model: "j"))
        guard case .number(let id) = suite.questions[0].id else { return }
        let judgments = try await stage.judge(
            [Answer(questionID: id, samples: [["red", "blue"]])], of: "base", questions: .search)
        #expect(judgments.map(\.score) == [5, 5])
        #expect(judge.requests.contains { $0.shown.contains(suite.questions[0].turns[0]) })
    }

    @Test func comparisonsGiveAScoreAboutTheBaselinesLevel() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let suite = try smallPairwiseSuite(scratch)
        let judge = ScriptedJudge { request in
            if request.shown.contains("d1") { return reply("[[A=B]]") }
            return reply(request.shown.contains("1: a1") || request.shown.contains("1: b1") ? "[[A>>B]]" : "[[B>A]]")
        }
        let baseline = ModelAnswers(model: "base", turns: [1: ["x", "y"], 3: ["z"]])
        let stage = PairwiseJudge(
            suites: ["w": [.search: (suite: suite, baseline: baseline)]], service: judge,
            settings: JudgeSettings(model: "j"))
        let judgments = try await stage.judge(answers, of: "w", questions: .search)
        // Clearly better in one order (1), better in the other (0.75); for c1 the judge says B in both orders; d1 ties.
        #expect(judgments.map(\.score) == [8.875, 8.875, 5.5, 5.5])
        #expect(judgments.allSatisfy { $0.turn == 0 })
    }

    @Test func aGameWithoutAVerdictSpeaksForNeitherSide() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let suite = try smallPairwiseSuite(scratch)
        let judge = ScriptedJudge { request in
            if request.shown.contains("c1") { return reply("I cannot compare these.") }
            return reply(request.shown.contains("1: d1") ? "[[A>>B]]" : "Hard to say.")
        }
        let stage = PairwiseJudge(
            suites: ["w": [.search: (suite: suite, baseline: ModelAnswers(model: "base", turns: [3: ["z"]]))]],
            service: judge, settings: JudgeSettings(model: "j"))
        let asked = [Answer(questionID: 3, samples: [["c1"], ["d1"]])]
        let judgments = try await stage.judge(asked, of: "w", questions: .search)
        // Refused in both orders: no score. Much better in one order, nothing said in the other: halfway to that.
        #expect(judgments.map(\.score) == [nil, 7.75])
        #expect(judgments[1].explanation.contains("no verdict"))
    }

    /// Its games would count as ties, or as no games, which a search would learn to use. A baseline's marks are not its fault.
    @Test func anAnswerThatHoldsEveryVerdictHasLost() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let suite = try smallPairwiseSuite(scratch)
        let every = "[[A>>B]] [[A>B]] [[A=B]] [[B>A]] [[B>>A]]"
        // Finds the answer of the policy clearly worse, whichever place it has.
        let judge = ScriptedJudge { request in reply(request.shown.contains("1: z") ? "[[A>>B]]" : "[[B>>A]]") }
        func scores(against baseline: String) async throws -> [Double?] {
            let stage = PairwiseJudge(
                suites: ["w": [.search: (suite: suite, baseline: ModelAnswers(model: "base", turns: [3: [baseline]]))]],
                service: judge, settings: JudgeSettings(model: "j"))
            let asked = [Answer(questionID: 3, samples: [[every], ["an answer"], ["mine: [[A=B]]"]])]
            return try await stage.judge(asked, of: "w", questions: .search).map(\.score)
        }
        #expect(try await scores(against: "z") == [1, 1, 1])
        #expect(try await scores(against: "z \(every)") == [1, nil, nil])
    }
}
