import Foundation
import LabCore
import Testing

@testable import Judge

private func check(_ json: String) throws -> RubricCheck {
    try JSONDecoder().decode(RubricCheck.self, from: Data(json.utf8))
}

private func words(_ text: String) -> [String] { text.split(separator: " ").map(String.init) }

@Suite struct RubricTests {
    @Test(arguments: [
        ("red blue green", 1.0), ("red green", 2.0 / 3), ("blue red green", 2.0 / 3), ("well red blue green .", 1.0),
        ("red blue green green green green", 0.5), ("well .", 0.0), ("grey", 0.0),
    ])
    func sequenceIsTheCommonSubsequenceOverTheLongerSide(answer: String, value: Double) throws {
        let rule = try check(
            #"{"kind":"sequence","weight":1,"expected":["red","blue","green"],"ignore":["well","."]}"#)
        #expect(abs(rule.value(of: words(answer)) - value) < 1e-12)
    }

    @Test(arguments: [("green red blue", 1.0), ("red red red", 1.0 / 3), ("red blue green grey", 0.75)])
    func bagIgnoresOrderButCountsSurplus(answer: String, value: Double) throws {
        let rule = try check(#"{"kind":"bag","weight":1,"expected":["red","blue","green"]}"#)
        #expect(abs(rule.value(of: words(answer)) - value) < 1e-12)
    }

    @Test func beginsAndEndsLookOnlyAtTheirEnd() throws {
        let begins = try check(#"{"kind":"begins","weight":1,"expected":["sure","thing"]}"#)
        #expect(begins.value(of: words("sure thing red")) == 1)
        #expect(begins.value(of: words("sure red thing")) == 0)
        #expect(begins.value(of: words("sure")) == 0)
        let ends = try check(#"{"kind":"ends","weight":1,"expected":["."]}"#)
        #expect(ends.value(of: words("red .")) == 1)
        #expect(ends.value(of: words(". red")) == 0)
    }

    @Test func avoidsFallsLinearlyToZero() throws {
        let rule = try check(#"{"kind":"avoids","weight":1,"words":["um","er"],"zeroAt":4}"#)
        #expect(rule.value(of: words("red")) == 1)
        #expect(rule.value(of: words("um red er")) == 0.5)
        #expect(rule.value(of: words("um um um um um")) == 0)
    }

    @Test(arguments: [("a b", 1.0), ("a", 0.5), ("a b c d", 0.5), ("a b c d e f", 0.0)])
    func lengthFallsOverItsSlack(answer: String, value: Double) throws {
        let rule = try check(#"{"kind":"length","weight":1,"atLeast":2,"atMost":3,"slack":2}"#)
        #expect(rule.value(of: words(answer)) == value)
    }

    @Test func repeatsAreCountedWherePositionsEqualTheWordBefore() throws {
        let rule = try check(#"{"kind":"noRepeats","weight":1,"zeroAt":2}"#)
        #expect(rule.value(of: words("a b a b")) == 1)
        #expect(rule.value(of: words("a a b")) == 0.5)
        #expect(rule.value(of: words("a a a")) == 0)
    }

    @Test func aTurnScoresFromOneToTenAndAnEmptyAnswerScoresOne() throws {
        let turn = TurnRubric(checks: [
            try check(#"{"kind":"bag","weight":0.75,"expected":["red"],"ignore":["."]}"#),
            try check(#"{"kind":"ends","weight":0.25,"expected":["."]}"#),
        ])
        #expect(turn.score(of: "red .") == 10)
        #expect(turn.score(of: "red") == 7.75)
        #expect(turn.score(of: " \n") == 1)
        let absent = TurnRubric(checks: [try check(#"{"kind":"avoids","weight":1,"words":["um"],"zeroAt":1}"#)])
        #expect(absent.score(of: "") == 1)
    }

    @Test func aRubricWhoseWeightsDoNotSumToOneIsRefusedWithItsLine() throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "rubric-\(UUID()).jsonl").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        let row = #"{"question_id":1,"turns":[{"checks":[{"kind":"ends","weight":0.5,"expected":["."]}]}]}"#
        try Data((row + "\n").utf8).write(to: URL(filePath: path))
        let error = #expect(throws: RubricError.self) { try RubricJudge(files: ["w": path]) }
        #expect(error.map { "\($0)".contains("line 1") && "\($0)".contains("0.5") } == true)
    }

    @Test func judgmentsAverageToQuestionScores() async throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "rubric-\(UUID()).jsonl").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        let turn = #"{"checks":[{"kind":"begins","weight":1,"expected":["yes"]}]}"#
        try Data("{\"question_id\":7,\"turns\":[\(turn),\(turn)]}\n".utf8).write(to: URL(filePath: path))
        let judge = try RubricJudge(files: ["w": path])
        let answers = [Answer(questionID: 7, samples: [["yes", "no"], ["yes", "yes"]])]
        let judgments = try await judge.judge(answers, of: "w", questions: .search)
        #expect(judgments.count == 4)
        #expect(questionScores(of: judgments, questionIDs: [7, 8]) == [7.75, nil])
        await #expect(throws: RubricError.self) {
            try await judge.judge([Answer(questionID: 8, samples: [["yes", "no"]])], of: "w", questions: .search)
        }
    }
}
