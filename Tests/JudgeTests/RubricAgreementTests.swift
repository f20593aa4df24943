import Foundation
import Testing

@testable import Judge

/// The lab's judge grades as the worlds' builder does: both are held against one committed file of scores.
@Suite struct RubricAgreementTests {
    private struct Row: Decodable {
        let world: String
        let questionID: Int
        let turn: Int
        let answer: String
        let score: Double

        enum CodingKeys: String, CodingKey {
            case world, turn, answer, score
            case questionID = "question_id"
        }
    }

    @Test func everyRecordedAnswerGetsTheBuildersScore() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let data = try Data(contentsOf: root.appending(path: "Tests/Fixtures/rubric-scores.json"))
        let rows = try JSONDecoder().decode([Row].self, from: data)
        #expect(rows.count > 150)
        let rubrics = try Dictionary(
            uniqueKeysWithValues: ["base", "transfer"].map {
                ($0, try RubricJudge.read(root.appending(path: "evaluation/microbench/\($0)/rubric.jsonl").path))
            })
        for row in rows {
            let rubric = try #require(rubrics[row.world]?[row.questionID])
            let score = rubric.turns[row.turn].score(of: row.answer)
            #expect(abs(score - row.score) < 1e-12, "\(row.world) \(row.questionID): \(row.answer)")
        }
    }
}
