import Foundation
import Testing

@testable import ChatClient

/// Prompts that are too long, as each server says it or does not say it.
@Suite struct OverflowTests {
    let server: ScriptedServer

    init() throws { server = try ScriptedServer.shared.get() }

    static let words: [(Int, String)] = [
        // LM Studio
        (
            400,
            #"{"error": "Trying to keep the first 15857 tokens when context the overflows. However, the model is loaded with context length of only 4096 tokens, which is not enough."}"#
        ),
        (
            400,
            #"{"error": "The number of tokens to keep from the initial prompt is greater than the context length (n_keep: 13055>= n_ctx: 4096). Try to load the model with a larger context length, or provide a shorter input."}"#
        ),
        // SGLang
        (
            400,
            #"{"object": "error", "message": "The input (61709 tokens) is longer than the model's context length (40960 tokens).", "type": "BadRequestError", "param": null, "code": 400}"#
        ),
        (
            500,
            #"{"error": {"message": "Input length (160062 tokens) exceeds the maximum allowed length (59862 tokens)."}}"#
        ),
        // Text Generation Inference
        (
            422,
            #"{"error": "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 2048. Given: 1244 `inputs` tokens and 1000 `max_new_tokens`", "error_type": "validation"}"#
        ),
        (
            422,
            #"{"error": "Input validation error: `inputs` must have less than 1024 tokens. Given: 1168", "error_type": "validation"}"#
        ),
        // TensorRT-LLM
        (
            500,
            #"{"message": "Encountered an error when fetching new request: Prompt length (200) exceeds maximum input length (1)"}"#
        ),
        (
            400,
            #"{"message": "Cannot process new request: Prompt length (5056) exceeds maximum sequence length (2048)"}"#
        ),
        (
            400,
            #"{"message": "The sum of prompt length (9000.0), query length (0) should not exceed max_num_tokens (8192)"}"#
        ),
        // Gemini
        (
            400,
            #"[{"error": {"code": 400, "message": "The input token count (1054016) exceeds the maximum number of tokens allowed (1048576).", "status": "INVALID_ARGUMENT"}}]"#
        ),
        // vLLM
        (
            400,
            #"{"object": "error", "message": "max_tokens must be at least 1, got -905.", "type": "BadRequestError", "param": null, "code": 400}"#
        ),
        (
            400,
            #"{"message": "The decoder prompt (length 10127) is longer than the maximum model length of 8192.", "code": 400}"#
        ),
        (
            400,
            #"{"message": "'max_tokens' or 'max_completion_tokens' is too large: 5000. This model's maximum context length is 4096 tokens and your request has 200 input tokens", "code": 400}"#
        ),
        // llama.cpp
        (
            400,
            #"{"error": {"code": 400, "message": "request (3001 tokens) exceeds the available context size (1024 tokens), try increasing it", "type": "exceed_context_size_error", "n_prompt_tokens": 3001, "n_ctx": 1024}}"#
        ),
    ]

    @Test(arguments: words)
    func aPromptThatIsTooLongIsKnownInEachServersWords(_ status: Int, body: String) {
        var request = ask("m")
        request.temperature = 0.3
        let complaint = ServerComplaint(status: status, body: Array(body.utf8))
        #expect(complaint.meaning(request, .init(maxTokens: 50)) == .contextOverflow)
    }

    @Test func aLimitBelowOneOfOursIsNoOverflow() {
        let body = #"{"message": "max_tokens must be at least 1, got 0.", "code": 400}"#
        let complaint = ServerComplaint(status: 400, body: Array(body.utf8))
        #expect(complaint.meaning(ask("m"), .init(maxTokens: 50)) == .badRequest)
    }

    @Test func anOverflowInAListIsToldAtOnce() async throws {
        let model = script("longgoogle")
        let error = try await chatError { try await ChatClient(endpoint: server.endpoint()).complete(ask(model)) }
        #expect(error?.kind == .contextOverflow && error?.message.contains("shorten the messages") == true)
        #expect(try await server.seen(model).count == 1)
    }

    /// The server counts 100 tokens whatever is sent.
    @Test func aPromptThatWasCutInSilenceIsToldOnce() async throws {
        let model = script("ok")
        let notes = Notes()
        let client = try ChatClient(endpoint: server.endpoint(), notes: notes.take)
        let words = String(repeating: "A few words of plain text. ", count: 40)
        for text in ["Hello", String(repeating: " \n", count: 2000) + "Hello", String(words.prefix(590))] {
            _ = try await client.complete(ask(model, text))
        }
        #expect(notes.texts.isEmpty, "\(notes.texts)")
        for request in [ask(model, words), ask(model, words + words), complete(model, words)] {
            _ = try await client.complete(request)
        }
        #expect(notes.texts.count == 1, "\(notes.texts)")
        let note = try #require(notes.texts.first)
        #expect(note.hasPrefix("scripted: ") && note.contains("OLLAMA_CONTEXT_LENGTH") && note.contains("--ctx-size"))
    }
}
