import ChatClient
import Foundation
import Synchronization

@testable import Judge

/// A judge whose replies a test decides, and who remembers what it was asked.
final class ScriptedJudge: ChatService {
    private let script: @Sendable (ChatRequest) async throws -> ChatReply
    private let asked = Mutex<[ChatRequest]>([])

    init(_ script: @escaping @Sendable (ChatRequest) async throws -> ChatReply) { self.script = script }

    var requests: [ChatRequest] { asked.withLock { $0 } }

    func complete(_ request: ChatRequest, for purpose: ChatPurpose) async throws -> ChatReply {
        asked.withLock { $0.append(request) }
        return try await script(request)
    }
}

func reply(_ text: String, _ finish: ChatReply.Finish = .stop, cost: Double? = 0.001) -> ChatReply {
    ChatReply(
        choices: [.init(text: text, finish: finish)], model: "judge",
        usage: ChatUsage(promptTokens: 100, completionTokens: 10), cost: cost)
}

extension ChatRequest {
    /// What the judge is shown.
    var shown: String { messages.last { $0.role == .user }?.content ?? "" }
}

/// A suite of pairwise comparisons over the questions of `smallSuite`.
func smallPairwiseSuite(_ scratch: Scratch) throws -> PairwiseSuite {
    try scratch.write(
        "system_prompt: s\nprompt_template: [\"Q {question_1} 1: {answer_1} 2: {answer_2}\"]\n",
        to: "pairs/judge_config.yaml")
    return try PairwiseSuite(folder: scratch.path + "/pairs", questions: try smallSuite(scratch) + "/question.jsonl")
}

/// A small suite with MT-Bench's layout, prompts of its own, and two questions of which one needs a reference.
func smallSuite(_ scratch: Scratch) throws -> String {
    func prompt(_ name: String, _ template: String) -> String {
        """
        {"name":"\(name)","type":"single","system_prompt":"system of \(name)","prompt_template":"\(template)",\
        "output_format":"[[rating]]"}
        """
    }
    try scratch.write(
        [
            prompt("single-v1", "Q {question}\\n[The Start of Assistant's Answer]\\n{answer}"),
            prompt("single-math-v1", "Q {question} R {ref_answer_1} A {answer}"),
            prompt("single-v1-multi-turn", "Q {question_1} A {answer_1} Q {question_2} A {answer_2}"),
            prompt(
                "single-math-v1-multi-turn",
                "Q {question_1} R {ref_answer_1} Q {question_2} R {ref_answer_2} A {answer_1} {answer_2}"),
        ].joined(separator: "\n"), to: "suite/judge_prompts.jsonl")
    try scratch.write(
        """
        {"question_id":1,"category":"writing","turns":["one?","two?"]}

        {"question_id":2,"category":"math","turns":["three?","four?"]}
        {"question_id":3,"category":"writing","turns":["five?"]}
        """, to: "suite/question.jsonl")
    try scratch.write(
        #"{"question_id":2,"choices":[{"index":0,"turns":["r3","r4"]}]}"#, to: "suite/reference_answer/gpt-4.jsonl")
    return scratch.path + "/suite"
}

func smallAnswers(_ model: String = "m") -> ModelAnswers {
    ModelAnswers(model: model, turns: [1: ["a1", "a2"], 2: ["a3", "a4"], 3: ["a5"]])
}
