import ArgumentParser
import Foundation
import Judge
import LabCore

/// The questions of a campaign over a model of one's own: which file the search asks, and which the confirmation.
struct CampaignQuestions {
    let files: [QuestionSet: String]
    /// The folder that was named as a suite.
    let suiteFolder: String?
    /// Machine-checkable rubrics beside the questions, where there are any.
    let rubric: String?

    /// - Throws: `CampaignInputError` for files that are missing or hold no questions; `JudgeError` for malformed ones.
    init(_ config: EvaluationConfig, in project: Project) throws {
        suiteFolder = try config.suite.map { $0.contains("/") ? project.path($0) : try project.suite(named: $0) }
        let main = suiteFolder.map { $0 + "/question.jsonl" } ?? project.path(config.questions ?? "")
        guard FileManager.default.fileExists(atPath: main) else {
            throw CampaignInputError(
                "\(main) is missing: evaluation.suite names a folder with question.jsonl (`losslab evaluation fetch` "
                    + "installs the public ones), evaluation.questions a file")
        }
        let folder = URL(filePath: main).deletingLastPathComponent().path
        let rubricFile = folder + "/rubric.jsonl"
        rubric = FileManager.default.fileExists(atPath: rubricFile) ? rubricFile : nil
        let beside = folder + "/held_out.jsonl"
        let heldOut =
            config.heldOutQuestions.map(project.path)
            ?? (suiteFolder != nil && FileManager.default.fileExists(atPath: beside) ? beside : nil)
        if let heldOut {
            try Self.refuseShared(main, heldOut)
            files = [.search: main, .heldOut: heldOut]
        } else {
            files = try Self.halves(of: main, under: project.cache + "/questions")
        }
    }

    /// A confirmation on questions that the search has seen would confirm nothing.
    private static func refuseShared(_ search: String, _ heldOut: String) throws {
        let asked = Set(try SuiteQuestion.read(search).map(\.turns))
        let both = try SuiteQuestion.read(heldOut).filter { asked.contains($0.turns) }
        guard both.isEmpty else {
            throw CampaignInputError(
                "\(both.count) held-out questions of \(heldOut) are in \(search) too, such as question \(both[0].id); "
                    + "the confirmation needs questions that the search never asked")
        }
    }

    /// Every second question of each category for the confirmation, the others for the search, in files named by content.
    private static func halves(of file: String, under folder: String) throws -> [QuestionSet: String] {
        let questions = try SuiteQuestion.read(file)
        guard questions.count >= 4 else {
            throw CampaignInputError(
                "\(file) holds \(questions.count) questions, too few to keep half of them for the confirmation; name "
                    + "evaluation.heldOutQuestions, or more questions")
        }
        let text = try String(contentsOfFile: file, encoding: .utf8)
        let lines = text.split(separator: "\n").filter { !$0.allSatisfy(\.isWhitespace) }
        var inCategory: [String: Int] = [:]
        var parts: [QuestionSet: [Substring]] = [:]
        for (question, line) in zip(questions, lines) {
            let number = inCategory[question.category, default: 0]
            inCategory[question.category] = number + 1
            // Categories of one question would otherwise all go to the search.
            let turn = number + inCategory.count
            parts[turn.isMultiple(of: 2) ? .heldOut : .search, default: []].append(line)
        }
        let place = "\(folder)/\(ContentHash.sha256(text).prefix(16))"
        try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
        var files: [QuestionSet: String] = [:]
        for (set, name) in [(QuestionSet.search, "search"), (.heldOut, "held-out")] {
            let path = "\(place)/\(name).jsonl"
            let content = (parts[set] ?? []).joined(separator: "\n") + "\n"
            if (try? String(contentsOfFile: path, encoding: .utf8)) != content {
                try content.write(toFile: path, atomically: true, encoding: .utf8)
            }
            files[set] = path
        }
        return files
    }
}

/// Something that a recipe names is not there or cannot be used: exit code 65.
struct CampaignInputError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
