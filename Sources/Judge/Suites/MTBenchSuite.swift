import Foundation

/// MT-Bench's questions, judge prompts and reference answers, read from a folder in FastChat's layout.
public struct MTBenchSuite: Sendable {
    /// One row of `judge_prompts.jsonl`.
    public struct Prompt: Decodable, Sendable {
        public let name: String
        public let type: String
        public let system: String
        public let template: PromptTemplate
        public let outputFormat: String

        enum CodingKeys: String, CodingKey {
            case name, type
            case system = "system_prompt"
            case template = "prompt_template"
            case outputFormat = "output_format"
        }
    }

    /// Categories whose answers are graded beside a reference answer, as FastChat has them.
    public static let referenceCategories: Set<String> = ["math", "reasoning", "coding", "arena-hard-200"]

    public let name: String
    public let questions: [SuiteQuestion]
    public let prompts: [String: Prompt]
    /// Reference turns by the name of the reference file (FastChat: the judge's name) and question.
    public let references: [String: [QuestionID: [String]]]

    public init(
        name: String, questions: [SuiteQuestion], prompts: [String: Prompt],
        references: [String: [QuestionID: [String]]] = [:]
    ) {
        self.name = name
        self.questions = questions
        self.prompts = prompts
        self.references = references
    }

    /// Reads `question.jsonl`, `judge_prompts.jsonl` and `reference_answer/*.jsonl`.
    public init(folder: String) throws {
        try self.init(
            name: URL(filePath: folder).lastPathComponent, questions: folder + "/question.jsonl",
            prompts: folder + "/judge_prompts.jsonl", references: folder + "/reference_answer")
    }

    /// Reads other questions, such as a world's, under MT-Bench's prompts.
    ///
    /// - Parameter references: a folder of reference answers; one that does not exist holds none.
    public init(name: String, questions: String, prompts: String, references: String? = nil) throws {
        let manager = FileManager.default
        for file in [questions, prompts] where !manager.fileExists(atPath: file) {
            throw JudgeError(
                .unreadable,
                "\(file) is missing; `losslab evaluation fetch \(name)` installs the suite, or --suite names its folder"
            )
        }
        self.name = name
        self.questions = try SuiteQuestion.read(questions)
        let rows: [Prompt] = try readJSONLines(prompts)
        self.prompts = Dictionary(rows.map { ($0.name, $0) }) { $1 }
        for wanted in ["single-v1", "single-v1-multi-turn"] where self.prompts[wanted] == nil {
            throw JudgeError(.mismatch, "\(prompts) has no prompt named \(wanted)")
        }
        var found: [String: [QuestionID: [String]]] = [:]
        for file in try references.map({ try Self.files(in: $0) }) ?? [] {
            let answers = try ModelAnswers.read(file)
            found[answers.model] = answers.turns
        }
        self.references = found
    }

    private static func files(in folder: String) throws -> [String] {
        guard FileManager.default.fileExists(atPath: folder) else { return [] }
        return try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasSuffix(".jsonl") }.sorted()
            .map { folder + "/" + $0 }
    }

    /// The suite with this many of its questions, spread evenly over the file and so over the categories.
    public func sample(_ count: Int) -> MTBenchSuite {
        guard count < questions.count else { return self }
        let chosen = (0..<max(count, 1)).map { questions[$0 * questions.count / max(count, 1)] }
        return MTBenchSuite(name: name, questions: chosen, prompts: prompts, references: references)
    }

    /// The reference turns of a question: of the file that bears the judge's name, else of the first that has it.
    func reference(for question: SuiteQuestion, judge: String) -> [String]? {
        if let own = references[judge]?[question.id] { return own }
        for name in references.keys.sorted() {
            if let turns = references[name]?[question.id] { return turns }
        }
        return question.reference.isEmpty ? nil : question.reference
    }
}
