import Foundation
import LabTesting
import Testing

/// A kept score is reused as long as nothing has changed that decides it, and never after.
@Suite(.serialized, .tags(.python, .slow), .enabled(if: Program.hasPython, "needs `make setup`"))
struct StaleScoreTests {
    private struct Report: Decodable {
        struct Row: Decodable { let seedScores: [Double] }
        let losses: [Row]
    }

    private static let command = [
        "loss", "evaluate", "dpo", "--seeds", "1", "--skip-untrained", "--world", "base", "--learning-rate", "5e-4",
        "--beta", "0.05", "--pairs", "256", "--format", "json",
    ]

    /// A project with a copy of the base world, to be edited.
    private func program() throws -> Program {
        let program = try Program()
        let manager = FileManager.default
        let evaluation = program.folder.appending(path: "evaluation")
        try manager.removeItem(at: evaluation)
        try manager.createDirectory(
            at: evaluation.appending(path: "microbench"), withIntermediateDirectories: true)
        try manager.copyItem(
            at: Program.repository.appending(path: "evaluation/microbench/base"),
            to: evaluation.appending(path: "microbench/base"))
        return program
    }

    private func kept(_ program: Program) throws -> Set<String> {
        Set(try FileManager.default.contentsOfDirectory(atPath: program.folder.path + "/.cache/trials/trial"))
    }

    private func scores(_ program: Program) throws -> [[Double]] {
        let outcome = try program.run(Self.command)
        #expect(outcome.code == 0, "\(outcome.errors)")
        return try outcome.json(Report.self).losses.map(\.seedScores)
    }

    @Test func anEditedRubricIsRefusedAndAsOnesOwnGradesAnew() throws {
        let program = try program()
        defer { program.remove() }
        let first = try scores(program)
        let before = try kept(program)
        #expect(try scores(program) == first)
        #expect(try kept(program) == before)

        let base = program.folder.appending(path: "evaluation/microbench/base")
        let rubric = base.appending(path: "rubric.jsonl")
        let original = try String(contentsOf: rubric, encoding: .utf8)
        // Every question is graded by the rubric of its neighbour.
        let rows = original.split(separator: "\n").map(String.init)
        let ids = rows.map { $0.firstMatch(of: /"question_id": ?\d+/).map { String($0.0) } ?? "" }
        let shifted = zip(rows, zip(ids, ids.dropFirst() + ids.prefix(1))).map { row, pair in
            row.replacing(pair.0, with: pair.1, maxReplacements: 1)
        }
        try (shifted.joined(separator: "\n") + "\n").write(to: rubric, atomically: true, encoding: .utf8)
        let refused = try program.run(Self.command)
        #expect(refused.code == 65)
        #expect(
            refused.errors.contains("base/rubric.jsonl: has changed since the world was built"), "\(refused.errors)")

        let world = base.appending(path: "world.json")
        let description = try String(contentsOf: world, encoding: .utf8)
        try description.replacing("\"name\": \"base\",", with: "\"name\": \"base\", \"own\": true,", maxReplacements: 1)
            .write(to: world, atomically: true, encoding: .utf8)
        #expect(try scores(program) != first)
        #expect(try kept(program).isDisjoint(with: before) == false)
        #expect(try kept(program).count > before.count)

        try original.write(to: rubric, atomically: true, encoding: .utf8)
        let now = try kept(program)
        #expect(try scores(program) == first)
        #expect(try kept(program) == now)
    }
}
