"""What the scripted server does with a request: one behaviour for each word of a script."""

from __future__ import annotations

import asyncio
import json
import time
from collections import defaultdict
from email.utils import formatdate
from typing import TYPE_CHECKING

from complaints import ERRORS
from refusals import BESIDE, RAW, REFUSED
from speakers import Speaker, thinking

if TYPE_CHECKING:
    from scripted_server import Connection

# By model: what `held` waits for.
GATES: dict[str, asyncio.Event] = defaultdict(asyncio.Event)


async def behave(on: Connection, name: str, argument: str, speaker: Speaker, key: str) -> bool:
    """Answers one request; whether the connection goes on."""
    match name:
        case "ok":
            if speaker.streams:
                return await on.events(speaker.events())
            return await on.answer(200, json.dumps(speaker.reply()))
        case "slow":  # an answer after so many seconds
            await asyncio.sleep(float(argument))
            return await on.answer(200, json.dumps(speaker.reply()))
        case "held":  # an answer once the model is released
            await GATES[str(speaker.request["model"])].wait()
            return await on.answer(200, json.dumps(speaker.reply()))
        case "slow500":
            await asyncio.sleep(float(argument))
            return await on.answer(500, speaker.error("api_error", "too slow"))
        case "stream":  # events with so many seconds between them
            return await on.events(speaker.events(), float(argument or "0"))
        case "forcestream":  # events, although nobody asked for them
            return await on.events(speaker.events())
        case "plainstream":  # the same, and their type is not told
            return await on.answer(200, "".join(speaker.events()), {"Content-Type": "text/plain"})
        case "thoughts":  # thinks until the limit is this high, and never comes to an end without a number
            limit = int(argument or "1000000000")
            if int(speaker.request["max_tokens"]) >= limit:
                return await on.answer(200, json.dumps(speaker.reply()))
            return await on.answer(200, json.dumps(thinking(speaker.reply(), "length")))
        case "opaquethoughts":  # thinks up the whole limit and does not tell what
            reply = thinking(speaker.reply(), "length")
            reply["choices"][0]["message"].pop("reasoning_content")
            return await on.answer(200, json.dumps(reply))
        case "openthought":  # the same, with the beginning of its thoughts in the text
            reply = thinking(speaker.reply(), "length")
            reply["choices"][0]["message"]["content"] = "<think>\nLet me see"
            return await on.answer(200, json.dumps(reply))
        case "onlythoughts":
            return await on.answer(200, json.dumps(thinking(speaker.reply(), "stop")))
        case "finisherrorstream":
            failed = [e.replace('"finish_reason": "stop"', '"finish_reason": "error"') for e in speaker.events()]
            return await on.events(failed)
        case "timings":  # as llama.cpp counts: `cache_n`, or in older versions only what it had to read
            reply = {**speaker.reply(), "timings": {argument or "cache_n": 60}}
            reply["usage"] = {"prompt_tokens": 100, "completion_tokens": 10}
            return await on.answer(200, json.dumps(reply))
        case "usage":  # counts as told: prompt/answer, or prompt/answer/total
            names = ("prompt_tokens", "completion_tokens", "total_tokens")
            usage = dict(zip(names, map(int, argument.split("/")), strict=False))
            return await on.answer(200, json.dumps(speaker.reply() | {"usage": usage}))
        case "nodone":  # no [DONE], no usage
            return await on.events([e for e in speaker.events() if "[DONE]" not in e and '"usage"' not in e])
        case "cut":  # the stream ends in the middle of the reply, and well as far as HTTP goes
            return await on.events(speaker.events()[:2])
        case "dropstream":
            return await on.events(speaker.events()[:2], whole=False)
        case "errorstream":
            return await on.events([*speaker.events()[:2], speaker.error_event("Overloaded " + key)])
        case "ignorestream":
            return await on.answer(200, json.dumps(speaker.reply()))
        case "stallstream":
            await on.events(speaker.events()[:2], whole=False)
            await asyncio.sleep(30)
            return False
        case "trickle":  # an answer, a byte at a time with so many seconds between them
            return await on.trickle(json.dumps(speaker.reply()), float(argument))
        case "hang":
            await asyncio.sleep(30)
            return False
        case "stall":  # half an answer, then nothing
            text = json.dumps(speaker.reply())
            await on.answer(200, text[: len(text) // 2], length=len(text))
            await asyncio.sleep(30)
            return False
        case "drop":  # half an answer, then the end of the connection
            text = json.dumps(speaker.reply())
            await on.answer(200, text[: len(text) // 2], length=len(text))
            return False
        case "close":  # no answer at all
            return False
        case "badjson":
            return await on.answer(200, '{"choices": [{"message": {"content": "half')
        case "nochoices":
            return await on.answer(200, "{}")
        case "inner":  # an error under status 200
            return await on.answer(200, json.dumps({"error": {"message": "Provider is down", "code": 502}}))
        case "html":
            return await on.answer(502, "<html><body><h1>Bad gateway</h1></body></html>")
        case "huge":
            on.writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
            while True:
                on.writer.write(b" " * 1_000_000)
                await on.writer.drain()
        case "echokey":  # repeats the key in a reply
            return await on.answer(200, json.dumps(speaker.reply(f"your key is {key}")))
        case "429":
            headers = {"Retry-After": argument} if argument else {}
            return await on.answer(429, speaker.error("rate_limit_error", f"Rate limit reached {key}"), headers)
        case "429date":
            now = time.time()
            headers = {"Retry-After": formatdate(now + float(argument), usegmt=True)}
            headers["Date"] = formatdate(now, usegmt=True)
            return await on.answer(429, speaker.error("rate_limit_error", "Slow down"), headers)
        case "format" if "response_format" not in speaker.request:  # refused only with a format
            return await on.answer(200, json.dumps(speaker.reply()))
        case _ if name in REFUSED:  # only what has the part that is refused
            is_refused, status, body = REFUSED[name]
            if not is_refused(speaker.request):
                return await on.answer(200, json.dumps(speaker.reply()))
            return await on.answer(status, body)
        case _ if name in RAW:
            status, body = RAW[name]
            return await on.answer(status, body)
        case _ if name in BESIDE:
            return await on.answer(200, json.dumps(speaker.reply() | BESIDE[name]))
        case _ if name in ERRORS:
            status, kind, message, code = ERRORS[name]
            return await on.answer(status, speaker.error(kind, message.format(key=key), code))
    return await on.answer(int(name), speaker.error("api_error", f"status {name} for {key}"))
