import Foundation
import Testing

@testable import Judge

/// What is sent for which answer.
@Suite struct SingleCallTests {
    @Test func promptsAndReferencesAreChosenByCategoryAndTurn() throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let suite = try MTBenchSuite(folder: smallSuite(scratch))
        let calls = try suite.calls(for: smallAnswers(), judge: "other")
        #expect(calls.map(\.turn) == [1, 1, 1, 2, 2])
        #expect(calls.map(\.question) == [1, 2, 3, 1, 2])
        #expect(
            calls.map(\.promptName) == [
                "single-v1", "single-math-v1", "single-v1", "single-v1-multi-turn", "single-math-v1-multi-turn",
            ])
        #expect(calls[0].user == "Q one?\n[The Start of Assistant's Answer]\na1")
        #expect(calls[1].user == "Q three? R r3 A a3")
        #expect(calls[4].user == "Q three? R r3 Q four? R r4 A a3 a4")
        #expect(calls[4].system == "system of single-math-v1-multi-turn")
    }

    @Test func theJudgesOwnReferencesComeFirst() throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let folder = try smallSuite(scratch)
        try scratch.write(
            #"{"question_id":2,"choices":[{"index":0,"turns":["own3","own4"]}]}"#,
            to: "suite/reference_answer/zeta.jsonl")
        let suite = try MTBenchSuite(folder: folder)
        #expect(try suite.calls(for: smallAnswers(), judge: "zeta")[1].user == "Q three? R own3 A a3")
        #expect(try suite.calls(for: smallAnswers(), judge: "else")[1].user == "Q three? R r3 A a3")
    }

    @Test func whatDoesNotFitTogetherIsNamed() throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let folder = try smallSuite(scratch)
        let suite = try MTBenchSuite(folder: folder)
        func complaint(_ body: () throws -> Void) -> String {
            do { try body() } catch { return "\(error)" }
            return ""
        }
        #expect(
            complaint { _ = try suite.calls(for: ModelAnswers(model: "m", turns: [1: ["a", "b"]]), judge: "j") }
                .contains("m has no answer to question 2"))
        #expect(
            complaint {
                _ = try suite.calls(
                    for: ModelAnswers(model: "m", turns: [1: ["a"], 2: ["a", "b"], 3: ["c"]]), judge: "j")
            }.contains("answered 1 of 2 turns of question 1"))
        try FileManager.default.removeItem(atPath: folder + "/reference_answer")
        #expect(
            complaint { _ = try MTBenchSuite(folder: folder).calls(for: smallAnswers(), judge: "j") }
                .contains("question 2 (math) is graded beside a reference answer"))
        #expect(complaint { _ = try MTBenchSuite(folder: "/nowhere/mt_bench") }.contains("evaluation fetch mt_bench"))
        try scratch.write(#"{"question_id":1,"turns":["x"]}"# + "\n" + #"{"question_id":1,"turns":["y"]}"#, to: "twice")
        #expect(complaint { _ = try SuiteQuestion.read(scratch.path + "/twice") }.contains("question 1 twice"))
    }

    @Test(.enabled(if: RealData.isThere, RealData.absence))
    func everyRealRequestIsRebuiltByteForByte() throws {
        let suite = try MTBenchSuite(folder: RealData.mtBench)
        struct Place: Hashable {
            let model: String
            let question: QuestionID
            let turn: Int
            let prompt: String?
        }
        let recorded = Dictionary(
            uniqueKeysWithValues: RealData.rows.map {
                (Place(model: $0.model, question: $0.question, turn: $0.turn, prompt: $0.judge.last), $0.userPrompt)
            })
        #expect(recorded.count == 2720)
        var rebuilt = 0
        for model in Set(RealData.rows.map(\.model)) {
            let answers = try ModelAnswers.read("\(RealData.mtBench)/model_answer/\(model).jsonl")
            for call in try suite.calls(for: answers, judge: "gpt-4") {
                let place = Place(model: model, question: call.question, turn: call.turn, prompt: call.promptName)
                let prompt = try #require(recorded[place])
                #expect(Array(prompt.utf8) == Array(call.user.utf8), "\(model) \(call.question) turn \(call.turn)")
                rebuilt += 1
            }
        }
        #expect(rebuilt == 2720)
    }
}
