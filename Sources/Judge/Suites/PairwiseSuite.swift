import Foundation
import Yams

/// Questions and the prompt under which two answers to them are compared: Arena-Hard's folder layout.
public struct PairwiseSuite: Sendable {
    /// What `judge_config.yaml` says; keys that concern other tools are ignored.
    public struct Prompt: Decodable, Sendable {
        public let system: String
        /// Names `{question_1}`, `{answer_1}` (shown as assistant A) and `{answer_2}` (as B).
        public let template: PromptTemplate
        public let temperature: Double?
        public let maxTokens: Int?
        /// How often a judge that gave no verdict is asked in all.
        public let attempts: Int

        enum CodingKeys: String, CodingKey {
            case temperature
            case system = "system_prompt"
            case template = "prompt_template"
            case maxTokens = "max_tokens"
            case attempts = "number_of_judgment_attempts"
        }

        public init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            system = try container.decode(String.self, forKey: .system)
            let templates = try container.decode([String].self, forKey: .template)
            guard templates.count == 1 else {
                throw DecodingError.dataCorruptedError(
                    forKey: .template, in: container, debugDescription: "one prompt template is wanted")
            }
            template = PromptTemplate(templates[0])
            temperature = try container.decodeIfPresent(Double.self, forKey: .temperature)
            maxTokens = try container.decodeIfPresent(Int.self, forKey: .maxTokens)
            attempts = try container.decodeIfPresent(Int.self, forKey: .attempts) ?? 1
        }
    }

    public let name: String
    public let questions: [SuiteQuestion]
    public let prompt: Prompt

    /// Reads `question.jsonl` and `judge_config.yaml`.
    ///
    /// - Parameter questions: another question file to judge under the same prompt.
    public init(folder: String, questions file: String? = nil) throws {
        name = URL(filePath: folder).lastPathComponent
        let config = folder + "/judge_config.yaml"
        guard let data = FileManager.default.contents(atPath: config) else {
            throw JudgeError(
                .unreadable,
                "\(config) is missing; a pairwise suite needs it (`losslab evaluation fetch \(name)` installs one)")
        }
        do {
            prompt = try YAMLDecoder().decode(Prompt.self, from: data)
            _ = try prompt.template.filled(with: ["question_1": "", "answer_1": "", "answer_2": ""])
        } catch let error as JudgeError {
            throw JudgeError(error.code, "\(config): \(error.message)")
        } catch {
            throw JudgeError(
                .malformed, "\(config) needs system_prompt and a list prompt_template with one template: \(error)")
        }
        questions = try SuiteQuestion.read(file ?? folder + "/question.jsonl")
    }

    /// The texts shown to the judge; the turns of a conversation follow one another, a blank line between them.
    func userPrompt(_ question: SuiteQuestion, first: [String], second: [String]) throws -> String {
        func shown(_ turns: [String]) -> String { defused(turns.joined(separator: "\n\n"), in: prompt.template) }
        return try prompt.template.filled(with: [
            "question_1": question.turns.joined(separator: "\n\n"),
            "answer_1": shown(first), "answer_2": shown(second),
        ])
    }
}
