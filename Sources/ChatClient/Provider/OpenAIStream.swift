/// Chat completion chunks. The last event is `[DONE]`, which some servers leave out; a reply is whole when each of its
/// choices has told why it ended.
struct OpenAIStream: ReplyStream {
    private struct Part {
        var text = ""
        var refusal = ""
        var reasoning = ""
        var finish: String?
    }

    private var parts: [Int: Part] = [:]
    private var model = ""
    private var usage: ToldUsage?
    private var isDone = false

    mutating func take(_ event: ServerSentEvents.Event) throws -> String {
        if event.data.starts(with: "[DONE]".utf8) {
            isDone = true
            return ""
        }
        guard let chunk = try? JSONParser.parse(event.data), chunk.isObject else {
            throw MalformedReply("an event of its stream is not JSON")
        }
        if chunk["error"]?.saysSomething == true || event.name == "error" { throw FailureInReply(body: chunk) }
        if let name = chunk["model"]?.string { model = name }
        usage = OpenAIProtocol.usage(in: chunk) ?? usage
        var added = ""
        for (position, choice) in (chunk["choices"]?.array ?? []).enumerated() {
            try OpenAIProtocol.refuseFailure(in: choice)
            let index = choice["index"]?.integer ?? position
            var part = parts[index] ?? Part()
            if let text = OpenAIProtocol.text(of: choice["delta"]?["content"]) ?? choice["text"]?.string {
                part.text += text
                if index == 0 { added += text }
            }
            part.reasoning += OpenAIProtocol.reasoning(in: choice["delta"]) ?? ""
            part.refusal += choice["delta"]?["refusal"]?.string ?? ""
            part.finish = choice["finish_reason"]?.string ?? part.finish
            parts[index] = part
        }
        return added
    }

    func reply() throws(MalformedReply) -> ParsedReply {
        guard !parts.isEmpty else { throw MalformedReply("its stream holds no choices") }
        guard isDone || parts.values.allSatisfy({ $0.finish != nil }) else {
            throw MalformedReply("its stream ended in the middle of the reply")
        }
        let choices = parts.sorted { $0.key < $1.key }.map { _, part in
            ChatReply.Choice(
                text: part.text.isEmpty ? part.refusal : part.text,
                finish: OpenAIProtocol.finish(part.finish, refused: !part.refusal.isEmpty),
                reasoning: part.reasoning.isEmpty ? nil : part.reasoning)
        }
        return ParsedReply(choices: choices, model: model, usage: usage)
    }
}
