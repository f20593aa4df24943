import Foundation
import Testing

@testable import Judge

/// Rows as FastChat's files have them.
@Suite struct JudgmentRowTests {
    @Test func aRowIsWrittenAsPythonWritesIt() {
        let row = JudgmentRow(
            question: 81, model: "mé\u{2028}", judge: ["gpt-4", "single-v1"],
            userPrompt: "a\"b\\c\n\t\r\u{8}\u{c}\u{1}\u{7f}/😀", judgment: "ok", score: 7.5, turn: 1,
            time: 1702345678.25)
        // Recorded from Python's json.dumps.
        let python =
            #"{"question_id": 81, "model": "m\u00e9\u2028", "judge": ["gpt-4", "single-v1"], "user_prompt": "#
            + #""a\"b\\c\n\t\r\b\f\u0001\u007f/\ud83d\ude00", "judgment": "ok", "score": 7.5, "turn": 1, "#
            + #""tstamp": 1702345678.25}"#
        #expect(row.line == python)
    }

    @Test func noScoreIsMinusOneInTheFileAndNothingInTheLab() throws {
        let row = JudgmentRow(
            question: 1, model: "m", judge: ["j", "p"], userPrompt: "", judgment: "$ERROR$", score: nil, turn: 2,
            time: 0)
        #expect(row.line.contains("\"score\": -1,"))
        let read = try JSONDecoder().decode(JudgmentRow.self, from: Data(row.line.utf8))
        #expect(read == row)
        #expect(read.score == nil)
    }

    @Test(.enabled(if: RealData.isThere, RealData.absence))
    func everyRecordedRowIsWrittenBackByteForByte() throws {
        let record = try RealData.recordedJudgments()
        let lines = record.split(separator: UInt8(ascii: "\n"))
        let rows: [JudgmentRow] = try decodeJSONLines(record, path: "record")
        #expect(rows.count == 2720)
        for (row, line) in zip(rows, lines) where Array(row.line.utf8) != Array(line) {
            // A rating that Python read from [[9.0]] is written 9.0 there; it is the same number.
            let same = row.line.replacing(#/"score": (\d+),/#) { "\"score\": \($0.1).0," }
            #expect(Array(same.utf8) == Array(line), "\(row.model) \(row.question) turn \(row.turn)")
        }
    }

    @Test func aBrokenLineIsNamed() {
        let text = "{\"question_id\": 1}\n"
        let error = #expect(throws: JudgeError.self) {
            let _: [JudgmentRow] = try decodeJSONLines(Data(text.utf8), path: "x.jsonl")
        }
        #expect(error.map { "\($0)".contains("x.jsonl:1") && "\($0)".contains("model") } == true)
    }
}
