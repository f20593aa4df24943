import Archive
import Foundation
import Judge
import LabCore

/// What a pairwise judge of a campaign compares every answer with.
struct PairwiseBaseline {
    let directory: RunDirectory
    let laboratory: Laboratory
    /// Answers to all questions of the campaign in FastChat's layout; `nil` for the untrained policy's own.
    let file: String?

    /// The baseline's answers to one set of questions.
    ///
    /// The untrained policy answers greedily, once a campaign: its answers stay in the run directory under `baseline/`,
    /// where they can be read and are found again.
    ///
    /// - Throws: `JudgeError` for a file that cannot be read or lacks an answer.
    func answers(in world: String, to set: QuestionSet, _ questions: [SuiteQuestion]) async throws -> ModelAnswers {
        let answers =
            if let file { try ModelAnswers.read(file) } else { try await untrained(in: world, to: set) }
        for question in questions { _ = try answers.answers(to: question) }
        return answers
    }

    private func untrained(in world: String, to set: QuestionSet) async throws -> ModelAnswers {
        let path = "\(directory.path)/baseline/\(world)-\(set.rawValue).jsonl"
        if FileManager.default.fileExists(atPath: path) { return try ModelAnswers.read(path, model: Self.name) }
        log("losslab: the untrained policy answers the \(set.rawValue) questions of \(world), as the judge's baseline")
        let said = try await laboratory.untrainedAnswers(in: world, to: set)
        let answers = ModelAnswers(
            model: Self.name, path: path,
            turns: Dictionary(uniqueKeysWithValues: said.map { (.number($0.questionID), $0.samples.first ?? []) }))
        try FileManager.default.createDirectory(
            atPath: directory.path + "/baseline", withIntermediateDirectories: true)
        try answers.write(to: path)
        return answers
    }

    private static let name = "untrained"
}
