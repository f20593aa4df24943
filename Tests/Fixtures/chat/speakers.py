"""The dialects of the scripted server: what a reply, its events and an error look like, in each."""

from __future__ import annotations

import json
from typing import Any


def thinking(reply: dict[str, Any], finish: str) -> dict[str, Any]:
    """The reply with thoughts where the text was."""
    for choice in reply["choices"]:
        choice["message"] = {"role": "assistant", "content": None, "reasoning_content": "Let me see ..."}
        choice["finish_reason"] = finish
    return reply


class OpenAI:
    """Chat completions: each choice repeats the last message, numbered from the second on."""

    def __init__(self, request: dict[str, Any]) -> None:
        self.request = request
        self.streams = bool(request.get("stream"))
        self.text = str(request["messages"][-1]["content"])

    def texts(self) -> list[str]:
        return [self.text if i == 0 else f"{self.text} {i}" for i in range(int(self.request.get("n", 1)))]

    def usage(self) -> dict[str, Any]:
        count = int(self.request.get("n", 1))
        return {"prompt_tokens": 100, "completion_tokens": 10 * count, "prompt_tokens_details": {"cached_tokens": 20}}

    def reply(self, text: str | None = None) -> dict[str, Any]:
        texts = self.texts() if text is None else [text]
        message = {"role": "assistant", "refusal": None}
        choices = [
            {"index": i, "finish_reason": "stop", "message": {**message, "content": t}} for i, t in enumerate(texts)
        ]
        return {"id": "1", "model": "served", "choices": choices[::-1], "usage": self.usage()}

    def events(self) -> list[str]:
        base = {"id": "1", "model": "served"}
        chunks: list[dict[str, Any]] = [{**base, "choices": [{"index": 0, "delta": {"role": "assistant"}}]}]
        for index, text in enumerate(self.texts()):
            for at in range(0, len(text), 4):
                delta = {"content": text[at : at + 4]}
                chunks.append({**base, "choices": [{"index": index, "delta": delta, "finish_reason": None}]})
            chunks.append({**base, "choices": [{"index": index, "delta": {}, "finish_reason": "stop"}]})
        if (self.request.get("stream_options") or {}).get("include_usage"):
            chunks.append({**base, "choices": [], "usage": self.usage()})
        return [f"data: {json.dumps(c, ensure_ascii=False)}\n\n" for c in chunks] + ["data: [DONE]\n\n"]

    def error(self, kind: str | None, message: str, code: Any = None) -> str:
        return json.dumps({"error": {"message": message, "type": kind, "param": None, "code": code}})

    def error_event(self, message: str) -> str:
        return f"data: {self.error('server_error', message)}\n\n"


class Completions(OpenAI):
    """Texts to complete: each choice repeats the prompt, numbered from the second on."""

    def __init__(self, request: dict[str, Any]) -> None:
        super().__init__({**request, "messages": [{"content": request["prompt"]}]})

    def reply(self, text: str | None = None) -> dict[str, Any]:
        reply = super().reply(text)
        for choice in reply["choices"]:
            choice["text"] = choice.pop("message")["content"]
            choice["logprobs"] = None
        return {**reply, "object": "text_completion"}

    def events(self) -> list[str]:
        base = {"id": "1", "model": "served", "object": "text_completion"}
        chunks: list[dict[str, Any]] = []
        for index, text in enumerate(self.texts()):
            for at in range(0, len(text), 4):
                choice = {"index": index, "text": text[at : at + 4], "finish_reason": None}
                chunks.append({**base, "choices": [choice]})
            chunks.append({**base, "choices": [{"index": index, "text": "", "finish_reason": "stop"}]})
        if (self.request.get("stream_options") or {}).get("include_usage"):
            chunks.append({**base, "choices": [], "usage": self.usage()})
        return [f"data: {json.dumps(c, ensure_ascii=False)}\n\n" for c in chunks] + ["data: [DONE]\n\n"]


class Anthropic:
    """Messages."""

    def __init__(self, request: dict[str, Any]) -> None:
        self.request = request
        self.streams = bool(request.get("stream"))
        self.text = str(request["messages"][-1]["content"])

    def reply(self, text: str | None = None) -> dict[str, Any]:
        content = [{"type": "thinking", "thinking": "..."}, {"type": "text", "text": text or self.text}]
        usage = {"input_tokens": 80, "cache_read_input_tokens": 20, "output_tokens": 10}
        return {"type": "message", "model": "served", "content": content, "stop_reason": "end_turn", "usage": usage}

    def events(self) -> list[str]:
        start = {"model": "served", "usage": {"input_tokens": 80, "cache_read_input_tokens": 20, "output_tokens": 1}}
        block = {"type": "text", "text": ""}
        bodies: list[dict[str, Any]] = [
            {"type": "message_start", "message": start},
            {"type": "content_block_start", "index": 0, "content_block": block},
            {"type": "ping"},
        ]
        for at in range(0, len(self.text), 4):
            delta = {"type": "text_delta", "text": self.text[at : at + 4]}
            bodies.append({"type": "content_block_delta", "index": 0, "delta": delta})
        bodies.append({"type": "content_block_stop", "index": 0})
        bodies.append({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 10}})
        bodies.append({"type": "message_stop"})
        return [f"event: {b['type']}\ndata: {json.dumps(b, ensure_ascii=False)}\n\n" for b in bodies]

    def error(self, kind: str | None, message: str, code: Any = None) -> str:
        return json.dumps({"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"})

    def error_event(self, message: str) -> str:
        return f"event: error\ndata: {self.error('overloaded_error', message)}\n\n"


Speaker = OpenAI | Anthropic


def speaker_for(target: str, request: dict[str, Any]) -> Speaker:
    if target.endswith("/messages"):
        return Anthropic(request)
    return OpenAI(request) if target.endswith("/chat/completions") else Completions(request)
