"""A chat server on loopback that misbehaves as told. Standard library only.

    python3 scripted_server.py [--tls-certificate FILE --tls-key FILE]

Prints its port on the first line and ends when its standard input is closed.

The model's name is the script: `429,500,ok#anything` answers the first request of that name with 429, the second with
500 and all later ones with `ok`. What stands behind `#` keeps scripts of different tests apart; `:` gives a behaviour
its argument. `POST .../chat/completions` speaks OpenAI's form, `POST .../messages` Anthropic's, and
`POST .../completions` OpenAI's for texts to complete.

`GET /seen?model=NAME` tells the requests of that name so far (time, headers, body), `GET /most?model=NAME` how many
were being answered at the same time, at most. `GET /release?model=NAME` lets go what `held` holds back, then and later.
`GET /file/N` is N bytes, `GET /redirect?to=URL` a redirect.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import ssl
import sys
import time
import urllib.parse
from collections import Counter, defaultdict
from email.utils import formatdate
from typing import Any

from refusals import BESIDE, RAW, REFUSED

Headers = dict[str, str]

SEEN: dict[str, list[dict[str, Any]]] = defaultdict(list)
NOW: Counter[str] = Counter()
MOST: Counter[str] = Counter()
GATES: dict[str, asyncio.Event] = defaultdict(asyncio.Event)

REASONS = {200: "OK", 302: "Found", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found", 429: "Too Many Requests"}


class Connection:
    """One connection, kept alive."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def serve(self) -> None:
        try:
            while await self.exchange():
                pass
        except (ConnectionError, asyncio.IncompleteReadError, TimeoutError):
            pass
        finally:
            self.writer.close()

    async def exchange(self) -> bool:
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, target, _ = head[0].split(" ", 2)
        headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in head[1:] if line)}
        body = await self.reader.readexactly(int(headers.get("content-length", "0")))
        if method == "GET":
            return await self.get(urllib.parse.urlsplit(target))
        request = json.loads(body)
        model = str(request["model"])
        key = headers.get("authorization", "") + headers.get("x-api-key", "")
        SEEN[model].append({"time": time.monotonic(), "path": target, "headers": headers, "body": request, "key": key})
        script = model.split("#", maxsplit=1)[0].split(",")
        behaviour, _, argument = script[min(len(SEEN[model]), len(script)) - 1].partition(":")
        NOW[model] += 1
        MOST[model] = max(MOST[model], NOW[model])
        try:
            speaker = speaker_for(target, request)
            return await self.behave(behaviour, argument, speaker, key)
        finally:
            NOW[model] -= 1

    async def get(self, url: urllib.parse.SplitResult) -> bool:
        query = dict(urllib.parse.parse_qsl(url.query))
        if url.path == "/seen":
            return await self.answer(200, json.dumps(SEEN[query["model"]]))
        if url.path == "/most":
            return await self.answer(200, json.dumps(MOST[query["model"]]))
        if url.path == "/release":
            GATES[query["model"]].set()
            return await self.answer(200, "null")
        if url.path == "/redirect":
            return await self.answer(302, "", {"Location": query["to"]})
        if url.path.startswith("/file/"):
            return await self.answer(200, "x" * int(url.path.split("/")[2]))
        return await self.answer(404, '{"detail":"Not Found"}')

    async def answer(self, status: int, body: str, headers: Headers | None = None, length: int | None = None) -> bool:
        data = body.encode()
        lines = [f"HTTP/1.1 {status} {REASONS.get(status, 'Status')}"]
        lines += [f"{name}: {value}" for name, value in {"Content-Type": "application/json", **(headers or {})}.items()]
        lines += [f"Content-Length: {len(data) if length is None else length}", "", ""]
        self.writer.write("\r\n".join(lines).encode() + data)
        await self.writer.drain()
        return True

    async def trickle(self, body: str, pause: float) -> bool:
        data = body.encode()
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n"
        self.writer.write(head.encode())
        for byte in data:
            self.writer.write(bytes([byte]))
            await self.writer.drain()
            await asyncio.sleep(pause)
        return True

    async def events(self, pieces: list[str], pause: float = 0.0, whole: bool = True) -> bool:
        self.writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        for piece in pieces:
            data = piece.encode()
            # In two chunks, so that events and even characters are cut.
            for part in (data[: len(data) // 2], data[len(data) // 2 :]):
                if part:
                    self.writer.write(f"{len(part):x}\r\n".encode() + part + b"\r\n")
                    await self.writer.drain()
            await asyncio.sleep(pause)
        if whole:
            self.writer.write(b"0\r\n\r\n")
            await self.writer.drain()
        return whole

    async def behave(self, name: str, argument: str, speaker: OpenAI | Anthropic, key: str) -> bool:
        match name:
            case "ok":
                if speaker.streams:
                    return await self.events(speaker.events())
                return await self.answer(200, json.dumps(speaker.reply()))
            case "slow":  # an answer after so many seconds
                await asyncio.sleep(float(argument))
                return await self.answer(200, json.dumps(speaker.reply()))
            case "held":  # an answer once the model is released
                await GATES[str(speaker.request["model"])].wait()
                return await self.answer(200, json.dumps(speaker.reply()))
            case "slow500":
                await asyncio.sleep(float(argument))
                return await self.answer(500, speaker.error("api_error", "too slow"))
            case "stream":  # events with so many seconds between them
                return await self.events(speaker.events(), float(argument or "0"))
            case "forcestream":  # events, although nobody asked for them
                return await self.events(speaker.events())
            case "plainstream":  # the same, and their type is not told
                return await self.answer(200, "".join(speaker.events()), {"Content-Type": "text/plain"})
            case "thoughts":  # thinks until the limit is this high, and never comes to an end without a number
                limit = int(argument or "1000000000")
                if int(speaker.request["max_tokens"]) >= limit:
                    return await self.answer(200, json.dumps(speaker.reply()))
                return await self.answer(200, json.dumps(thinking(speaker.reply(), "length")))
            case "opaquethoughts":  # thinks up the whole limit and does not tell what
                reply = thinking(speaker.reply(), "length")
                reply["choices"][0]["message"].pop("reasoning_content")
                return await self.answer(200, json.dumps(reply))
            case "openthought":  # the same, with the beginning of its thoughts in the text
                reply = thinking(speaker.reply(), "length")
                reply["choices"][0]["message"]["content"] = "<think>\nLet me see"
                return await self.answer(200, json.dumps(reply))
            case "onlythoughts":
                return await self.answer(200, json.dumps(thinking(speaker.reply(), "stop")))
            case "finisherrorstream":
                failed = [e.replace('"finish_reason": "stop"', '"finish_reason": "error"') for e in speaker.events()]
                return await self.events(failed)
            case "timings":  # as llama.cpp counts: `cache_n`, or in older versions only what it had to read
                reply = {**speaker.reply(), "timings": {argument or "cache_n": 60}}
                reply["usage"] = {"prompt_tokens": 100, "completion_tokens": 10}
                return await self.answer(200, json.dumps(reply))
            case "usage":  # counts as told: prompt/answer, or prompt/answer/total
                names = ("prompt_tokens", "completion_tokens", "total_tokens")
                usage = dict(zip(names, map(int, argument.split("/")), strict=False))
                return await self.answer(200, json.dumps(speaker.reply() | {"usage": usage}))
            case "nodone":  # no [DONE], no usage
                return await self.events([e for e in speaker.events() if "[DONE]" not in e and '"usage"' not in e])
            case "cut":  # the stream ends in the middle of the reply, and well as far as HTTP goes
                return await self.events(speaker.events()[:2])
            case "dropstream":
                return await self.events(speaker.events()[:2], whole=False)
            case "errorstream":
                return await self.events([*speaker.events()[:2], speaker.error_event("Overloaded " + key)])
            case "ignorestream":
                return await self.answer(200, json.dumps(speaker.reply()))
            case "stallstream":
                await self.events(speaker.events()[:2], whole=False)
                await asyncio.sleep(30)
                return False
            case "trickle":  # an answer, a byte at a time with so many seconds between them
                return await self.trickle(json.dumps(speaker.reply()), float(argument))
            case "hang":
                await asyncio.sleep(30)
                return False
            case "stall":  # half an answer, then nothing
                text = json.dumps(speaker.reply())
                await self.answer(200, text[: len(text) // 2], length=len(text))
                await asyncio.sleep(30)
                return False
            case "drop":  # half an answer, then the end of the connection
                text = json.dumps(speaker.reply())
                await self.answer(200, text[: len(text) // 2], length=len(text))
                return False
            case "close":  # no answer at all
                return False
            case "badjson":
                return await self.answer(200, '{"choices": [{"message": {"content": "half')
            case "nochoices":
                return await self.answer(200, "{}")
            case "inner":  # an error under status 200
                return await self.answer(200, json.dumps({"error": {"message": "Provider is down", "code": 502}}))
            case "html":
                return await self.answer(502, "<html><body><h1>Bad gateway</h1></body></html>")
            case "huge":
                self.writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
                while True:
                    self.writer.write(b" " * 1_000_000)
                    await self.writer.drain()
            case "echokey":  # repeats the key in a reply
                return await self.answer(200, json.dumps(speaker.reply(f"your key is {key}")))
            case "429":
                headers = {"Retry-After": argument} if argument else {}
                return await self.answer(429, speaker.error("rate_limit_error", f"Rate limit reached {key}"), headers)
            case "429date":
                now = time.time()
                headers = {"Retry-After": formatdate(now + float(argument), usegmt=True)}
                headers["Date"] = formatdate(now, usegmt=True)
                return await self.answer(429, speaker.error("rate_limit_error", "Slow down"), headers)
            case "format" if "response_format" not in speaker.request:  # refused only with a format
                return await self.answer(200, json.dumps(speaker.reply()))
            case _ if name in REFUSED:  # only what has the part that is refused
                is_refused, status, body = REFUSED[name]
                if not is_refused(speaker.request):
                    return await self.answer(200, json.dumps(speaker.reply()))
                return await self.answer(status, body)
            case _ if name in RAW:
                status, body = RAW[name]
                return await self.answer(status, body)
            case _ if name in BESIDE:
                return await self.answer(200, json.dumps(speaker.reply() | BESIDE[name]))
            case _ if name in ERRORS:
                status, kind, message, code = ERRORS[name]
                return await self.answer(status, speaker.error(kind, message.format(key=key), code))
        return await self.answer(int(name), speaker.error("api_error", f"status {name} for {key}"))


# Behaviour -> status, type, message, code: as the providers and servers write them.
ERRORS = {
    "key": (401, "invalid_request_error", "Incorrect API key provided: {key}.", "invalid_api_key"),
    "keyanthropic": (401, "authentication_error", "invalid x-api-key {key}", None),
    "keylitellm": (400, "no_db_connection", "No connected db.", "400"),
    "model": (
        404,
        "invalid_request_error",
        "The model `x` does not exist or you do not have access.",
        "model_not_found",
    ),
    "modelanthropic": (404, "not_found_error", "model: claude-none", None),
    "modelollama": (404, "api_error", "model 'x' not found", None),
    "modelvllm": (404, "NotFoundError", "The model `x` does not exist.", 404),
    "context": (
        400,
        "invalid_request_error",
        "This model's maximum context length is 8192 tokens.",
        "context_length_exceeded",
    ),
    "contextanthropic": (400, "invalid_request_error", "prompt is too long: 208310 tokens > 200000 maximum", None),
    "contextllamacpp": (400, "exceed_context_size_error", "the request exceeds the available context size", 400),
    "filter": (400, "invalid_request_error", "Your request was rejected.", "content_policy_violation"),
    "filterazure": (400, None, "The response was filtered due to Azure's content management policy", "content_filter"),
    "quota": (429, "insufficient_quota", "You exceeded your current quota.", "insufficient_quota"),
    "credit": (400, "invalid_request_error", "Your credit balance is too low to access the API.", None),
    "overloaded": (529, "overloaded_error", "Overloaded", None),
    "maxtokens": (
        400,
        "invalid_request_error",
        "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
        "unsupported_parameter",
    ),
    "modeltransformers": (400, None, "Server is pinned to './tiny'; requested 'x'.", None),
    "format": (400, "BadRequestError", "response_format is not supported by this server", 400),
    "modelproject": (403, "invalid_request_error", "Project does not have access to model `x`.", "model_not_found"),
    "toolarge": (
        429,
        "tokens",
        "Request too large for gpt-4o on tokens per min (TPM): Limit 30000",
        "rate_limit_exceeded",
    ),
    "streamoptions": (400, "invalid_request_error", "Unrecognized request argument supplied: stream_options", None),
    "bad": (
        400,
        "invalid_request_error",
        "Unsupported value: 'temperature' does not support 0 with this model.",
        "unsupported_value",
    ),
    "place": (404, "api_error", "404 page not found", None),
}


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


def speaker_for(target: str, request: dict[str, Any]) -> OpenAI | Anthropic:
    if target.endswith("/messages"):
        return Anthropic(request)
    return OpenAI(request) if target.endswith("/chat/completions") else Completions(request)


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--tls-certificate")
    parser.add_argument("--tls-key")
    options = parser.parse_args()
    context = None
    if options.tls_certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(options.tls_certificate, options.tls_key)
    server = await asyncio.start_server(
        lambda reader, writer: Connection(reader, writer).serve(), "127.0.0.1", 0, ssl=context, backlog=1024
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    # The end of standard input is the end of whoever started this.
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        sys.exit(130)
