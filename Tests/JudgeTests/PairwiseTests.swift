import ChatClient
import Foundation
import LabCore
import Testing

@testable import Judge

/// Comparing answers in both orders: what is sent, what is read, what is counted.
@Suite struct PairwiseTests {
    @Test(arguments: [
        ("My final verdict is tie: [[A=B]]", PairVerdict.Reading.verdict(.tie)), ("[[A>>B]]", .verdict(.muchBetterA)),
        ("[[A>B]] as said, [[A>B]]", .verdict(.betterA)), ("[[B>A]]", .verdict(.betterB)),
        ("[[B>>A]].", .verdict(.muchBetterB)), ("[[A<B]]", .verdict(.betterB)), ("[[A>B]] or [[A=B]]", .contested),
        ("", .none), ("[A>B]", .none), ("[[C]]", .none), ("[[A]]", .none), ("[[A>>>B]]", .none), ("A>B", .none),
        ("判断：[[A=B]]", .verdict(.tie)),
    ])
    func verdictsAreReadAsArenaHardReadsThem(judgment: String, reading: PairVerdict.Reading) {
        #expect(PairVerdict.read(judgment) == reading)
    }

    private func suite(_ scratch: Scratch, attempts: Int = 2) throws -> PairwiseSuite {
        try scratch.write(
            """
            name: small
            judge_model: j
            reference: False
            temperature: 0
            max_tokens: 300
            number_of_judgment_attempts: \(attempts)
            system_prompt: "judge {both}"
            prompt_template: ["P {question_1}\\n<|The Start of Assistant A's Answer|>\\n{answer_1}\\nvs\\n{answer_2}"]
            """, to: "pairs/judge_config.yaml")
        try scratch.write(
            """
            {"question_id":1,"category":"x","turns":[{"content":"one?"}]}
            {"question_id":2,"category":"x","turns":["two?","more?"]}
            """, to: "pairs/question.jsonl")
        return try PairwiseSuite(folder: scratch.path + "/pairs")
    }

    private let strong = ModelAnswers(model: "strong", turns: [1: ["good"], 2: ["good", "good too"]])
    private let weak = ModelAnswers(model: "weak", turns: [1: ["bad"], 2: ["bad", "bad too"]])

    /// Prefers the answer that says good, whichever place it has.
    private func fair(_ request: ChatRequest) -> ChatReply {
        let parts = request.shown.components(separatedBy: "\nvs\n")
        return reply(parts[0].contains("good") ? "[[A>>B]]" : "[[B>A]]")
    }

    private func run(_ scratch: Scratch, _ judge: ScriptedJudge, attempts: Int = 2) async throws -> PairwiseRun.Outcome
    {
        let grader = PairwiseGrader(
            suite: try suite(scratch, attempts: attempts), service: judge, settings: JudgeSettings(model: "j"))
        return try await PairwiseRun(folder: scratch.path + "/out", grader: grader).run(strong, against: weak)
    }

    @Test func eachPairIsShownInBothOrdersTheBaselineFirst() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let judge = ScriptedJudge(fair)
        let outcome = try await run(scratch, judge)
        #expect(judge.requests.count == 4)
        #expect(judge.requests.allSatisfy { $0.messages[0].content == "judge {both}" })
        let games = try #require(outcome.rows.first).games
        #expect(games[0].userPrompt == "P one?\n<|The Start of Assistant A's Answer|>\nbad\nvs\ngood")
        #expect(games[1].userPrompt == "P one?\n<|The Start of Assistant A's Answer|>\ngood\nvs\nbad")
        #expect(games.map(\.score) == [.betterB, .muchBetterA])
        #expect(outcome.rows.map(\.value) == [1, 1])
        #expect(outcome.rows[1].games[0].userPrompt.contains("P two?\n\nmore?\n"))
        #expect(outcome.rows[1].games[0].userPrompt.hasSuffix("\nbad\n\nbad too\nvs\ngood\n\ngood too"))
        let again = ScriptedJudge(fair)
        #expect(try await run(scratch, again).reused == 2)
        #expect(again.requests.isEmpty)
    }

    @Test func aJudgeWhoAlwaysPrefersTheFirstPlaceGivesATie() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let outcome = try await run(scratch, ScriptedJudge { _ in reply("[[A>B]]") })
        let score = PairwiseScore(of: outcome.rows, notes: outcome.notes)
        #expect(score.winRate == 0.5)
        #expect(score.firstPlaceShare == 1)
        #expect(score.ordersAgree == 0)
        #expect(abs(try #require(score.bradleyTerryWinRate) - 0.5) < 1e-9)
        #expect(abs(try #require(score.cost) - 0.004) < 1e-12)
    }

    @Test func aMissingVerdictIsAskedForOnceMoreAndARefusalIsNot() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let judge = ScriptedJudge { request in
            if request.shown.contains("two?") { return reply("I'm sorry, I cannot judge this.") }
            return request.messages.count > 2 ? reply("[[A=B]]") : reply("Hard to say.")
        }
        let outcome = try await run(scratch, judge)
        #expect(judge.requests.count == 6)
        let second = try #require(judge.requests.first { $0.messages.count > 2 })
        #expect(second.messages.map(\.role) == [.system, .user, .assistant, .user])
        #expect(outcome.rows[0].games.map(\.score) == [.tie, .tie])
        #expect(outcome.rows[0].games[0].judgment == "Hard to say.\n[[A=B]]")
        #expect(outcome.rows[1].value == nil)
        let score = PairwiseScore(of: outcome.rows, notes: outcome.notes)
        #expect(score.questions == 1)
        #expect(score.unparsedReasons == ["refusal": 2])
        #expect(score.unparsed == 2)
    }

    @Test func aFailedGameIsPlayedAgainWhenTheRunIsTakenUp() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let flaky = ScriptedJudge { request in
            if request.shown.contains("two?") { throw ChatError(.timedOut, "slow") }
            return self.fair(request)
        }
        #expect(try await run(scratch, flaky).rows[1].value == nil)
        let judge = ScriptedJudge(fair)
        let outcome = try await run(scratch, judge)
        #expect(judge.requests.count == 2)
        #expect(outcome.rows.map(\.value) == [1, 1])
        #expect(try scratch.read("out/j_pairwise.jsonl").split(separator: "\n").count == 2)
    }

    @Test func anotherBaselineIsAnotherComparisonInTheSameFolder() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        _ = try await run(scratch, ScriptedJudge(fair))
        let grader = PairwiseGrader(
            suite: try suite(scratch), service: ScriptedJudge { _ in reply("[[A=B]]", cost: 0.5) },
            settings: JudgeSettings(model: "j"))
        let other = ModelAnswers(model: "other", turns: weak.turns)
        let outcome = try await PairwiseRun(folder: scratch.path + "/out", grader: grader).run(strong, against: other)
        #expect(PairwiseScore(of: outcome.rows, notes: outcome.notes).cost == 2)
        let again = try await run(scratch, ScriptedJudge { _ in reply("[[A=B]]") })
        #expect(again.reused == 2)
        #expect(abs(try #require(PairwiseScore(of: again.rows, notes: again.notes).cost) - 0.004) < 1e-12)
    }

    @Test(.enabled(if: RealData.isThere, RealData.absence))
    func arenaHardsFolderIsReadAsItIs() async throws {
        let suite = try PairwiseSuite(folder: RealData.arenaHard)
        #expect(suite.questions.count == 500)
        #expect(suite.prompt.attempts == 2)
        #expect(suite.prompt.maxTokens == 4096)
        #expect(suite.prompt.system.hasPrefix("Please act as an impartial judge"))
        #expect(suite.prompt.system.hasSuffix("\"My final verdict is tie: [[A=B]]\"."))
        let prompt = try suite.userPrompt(suite.questions[0], first: ["left"], second: ["right"])
        #expect(
            prompt == """
                <|User Prompt|>
                Use ABC notation to write a melody in the style of a folk tune.

                <|The Start of Assistant A's Answer|>
                left
                <|The End of Assistant A's Answer|>

                <|The Start of Assistant B's Answer|>
                right
                <|The End of Assistant B's Answer|>
                """)
    }

    @Test func aFolderWithoutAUsableConfigurationIsNamed() throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        _ = try suite(scratch)
        func complaint(_ config: String) throws -> String {
            try scratch.write(config, to: "pairs/judge_config.yaml")
            do { _ = try PairwiseSuite(folder: scratch.path + "/pairs") } catch { return "\(error)" }
            return ""
        }
        #expect(try complaint("system_prompt: x").contains("prompt_template"))
        #expect(try complaint("system_prompt: x\nprompt_template: ['{other}']").contains("{other}"))
        #expect(try complaint("a: [").contains("judge_config.yaml"))
    }
}

/// Strengths and win rates against values found by other means.
@Suite struct PairwiseStatisticsTests {
    @Test func strengthsMaximiseTheLikelihood() {
        // Wins of four contestants; expected by gradient descent on the same likelihood, in Python.
        let wins: [[Double]] = [[0, 7, 2, 0], [3, 0, 5, 1], [8, 5, 0, 4.5], [0, 2, 3.5, 0]]
        let strengths = bradleyTerryStrengths(wins: wins)
        for (found, expected) in zip(strengths, [0, -0.1324299673, 0.5064260394, 0.311631994]) {
            #expect(abs((found ?? .nan) - expected) < 1e-8)
        }
    }

    @Test func aContestantWhoNeverLostIsStrongNotInfinitelySo() {
        let battles = (0..<9).map { _ in Battle(first: 1, second: 0, value: 1) }
        let strength = bradleyTerryStrengths(battles, contestants: 2)[1]
        #expect(abs((strength ?? 0) - log(9.5 / 0.5)) < 1e-9)
    }

    @Test func aContestantWithoutABattleHasNoStrength() {
        let strengths = bradleyTerryStrengths([Battle(first: 0, second: 1, value: 0.5)], contestants: 3)
        #expect(strengths[1] == 0)
        #expect(strengths[2] == nil)
    }

    @Test func theLengthControlledRateIsTheRegressionsAtEqualLength() throws {
        // Expected by gradient descent on the same function, in Python.
        let values: [Double] = [1, 1, 0.5, 0, 1, 0.5, 1, 0, 0, 0.5, 1, 0.75]
        let differences: [Double] = [300, 120, -40, -500, 900, 10, 60, -80, 200, -30, 450, 5]
        let control = try #require(LengthControl(zip(values, differences).map { (value: $0, difference: $1) }))
        #expect(abs(control.theta - 0.0062537592) < 1e-8)
        #expect(abs(control.phi - 2.9538458296) < 1e-8)
        #expect(abs(control.winRate - 0.5015634347) < 1e-8)
    }

    @Test func aJudgeWhoOnlyCountsWordsLeavesNoLeadAtEqualLength() throws {
        var generator = SeededGenerator(seed: 1, stream: 9)
        let outcomes = (0..<600).map { _ -> (value: Double, difference: Double) in
            let difference = 200 + 300 * generator.normal()
            return (generator.uniform() < sigmoid(3 * tanh(difference / 300)) ? 1 : 0, difference)
        }
        let raw = outcomes.reduce(0) { $0 + $1.value } / 600
        let control = try #require(LengthControl(outcomes))
        #expect(raw > 0.65)
        #expect(abs(control.winRate - 0.5) < 0.08, "\(control)")
        #expect(control.phi > 1)
    }

    @Test func oneSidedOutcomesStayFinite() throws {
        let control = try #require(LengthControl((0..<20).map { (value: 1.0, difference: Double($0)) }))
        #expect(control.winRate > 0.5 && control.winRate < 1)
        let equal = try #require(LengthControl((0..<20).map { (value: $0 < 15 ? 1.0 : 0.0, difference: 7) }))
        #expect(abs(equal.winRate - 0.75) < 0.01)
        #expect(equal.phi == 0)
        #expect(LengthControl([]) == nil)
    }

    private func rows(_ verdicts: [(PairVerdict?, PairVerdict?)]) -> [PairRow] {
        verdicts.enumerated().map { index, pair in
            PairRow(
                question: .number(index), model: "m", baseline: "b", judge: "j",
                games: [pair.0, pair.1].map { .init(userPrompt: "", judgment: "", score: $0) },
                lengths: [100 + index % 7, 100], time: 0)
        }
    }

    @Test func ratesIntervalsAndAgreementAreCountedByQuestion() throws {
        let verdicts =
            Array(repeating: (PairVerdict.betterB as PairVerdict?, PairVerdict.betterA as PairVerdict?), count: 30)
            + Array(repeating: (.betterA, .betterB), count: 10) + Array(repeating: (.tie, .tie), count: 10)
            + Array(repeating: (.muchBetterA, .muchBetterA), count: 10) + [(nil, nil)]
        let score = PairwiseScore(of: rows(verdicts), bootstrapSamples: 400)
        #expect(score.questions == 60)
        #expect(score.games == 122)
        #expect(score.unparsed == 2)
        #expect(abs(try #require(score.winRate) - 40.0 / 60) < 1e-12)
        #expect(abs(try #require(score.ordersAgree) - 50.0 / 60) < 1e-12)
        #expect(abs(try #require(score.firstPlaceShare) - 60.0 / 100) < 1e-12)
        // Weighted wins: 60 + 10 of ties + 30 against 20 + 10 + 30, and half a win each.
        #expect(abs(try #require(score.bradleyTerryWinRate) - 100.5 / 161) < 1e-9)
        let interval = try #require(score.bradleyTerryInterval)
        #expect(interval[0] < 100.5 / 161 && 100.5 / 161 < interval[1])
        #expect(interval[1] - interval[0] > 0.08 && interval[1] - interval[0] < 0.35)
        let again = PairwiseScore(of: rows(verdicts), bootstrapSamples: 400)
        #expect(again.bradleyTerryInterval == score.bradleyTerryInterval)
        #expect(again.lengthControlledInterval == score.lengthControlledInterval)
    }

    @Test func theBootstrapsIntervalCoversTheTruthAboutAsOftenAsItSays() throws {
        var generator = SeededGenerator(seed: 11, stream: 2)
        var covered = 0
        for _ in 0..<40 {
            let verdicts = (0..<80).map { _ -> (PairVerdict?, PairVerdict?) in
                generator.uniform() < 0.6 ? (.betterB, .betterA) : (.betterA, .betterB)
            }
            let interval = try #require(PairwiseScore(of: rows(verdicts), bootstrapSamples: 120).bradleyTerryInterval)
            if interval[0] <= 0.6, 0.6 <= interval[1] { covered += 1 }
        }
        #expect(covered >= 34, "\(covered) of 40")
    }
}
