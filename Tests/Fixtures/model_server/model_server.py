"""A chat server on loopback that writes preference losses, sound and otherwise, by a script. Standard library only.

    python3 model_server.py [--faults] [--key KEY] [--model NAME] [--nonsense] [--plain] [--delay SECONDS]

Prints its base URL on the first line and ends when its standard input is closed.

What is answered depends on the content of the request alone: however often it is sent, the answer is the same.
Of ten drafts, six are sound and new, one computes the same as dpo, one is invalid and repaired when asked,
one is malicious (it reads files) and stays so, one is cut off. A request with ``prompt`` is a text to go on from, answered
with the body of such a draft.

Asked for a rating as MT-Bench asks, it gives one from 1 to 10; asked for a verdict as Arena-Hard asks, one of the five.

With ``--faults`` the first one to three requests of every content meet, by a hash of the content: 429 with Retry-After,
500, a connection dropped before or within the body, a body that is no JSON, a stream of bytes at a trickle, or nothing
bad. A later request of the same content is answered as a healthy server would.

With ``--plain`` it takes no temperature, no seed, no ``response_format`` and no system message, and says so one by one.

``GET /count`` gives the requests so far, the different contents, those answered in full more than once, the refusals,
and the faults.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import socket
import sys
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

FAULTS = ("429", "500", "drop", "drop-in-body", "malformed", "trickle", "none", "none")

VERDICTS = ("A>>B", "A>B", "A=B", "B>A", "B>>A")

HEAD = """import torch
import torch.nn.functional as F


def loss(policy_chosen_logps, policy_rejected_logps, reference_chosen_logps, reference_rejected_logps, beta):
    rho = (policy_chosen_logps - policy_rejected_logps) - (reference_chosen_logps - reference_rejected_logps)
    x = beta * rho
"""


def number(text: str, salt: str) -> int:
    return int.from_bytes(hashlib.sha256(f"{salt} {text}".encode()).digest()[:6], "big")


def sound_loss(key: str) -> str:
    """A loss of a family with two constants, so that different requests get different functions."""
    width = 0.5 + number(key, "width") % 300 / 100
    share = 0.05 + number(key, "share") % 90 / 100
    bodies = (
        f"    return {share} * F.softplus({width} - x) + (1 - {share}) * -F.logsigmoid(x)\n",
        f"    return F.relu({width} - x) ** 2 / 2 + {share} * -F.logsigmoid(x)\n",
        f"    return -F.logsigmoid(x / {width}) * {width} + {share} * (1 - torch.tanh(x / 2))\n",
    )
    return HEAD + bodies[number(key, "body") % len(bodies)]


def draft(key: str) -> tuple[str, str]:
    """Name and code of a first draft; what kind it is follows from its request."""
    tag = f"{number(key, 'name') % 46656:x}"
    kind = number(key, "kind") % 10
    if kind == 6:
        return f"twin-{tag}", HEAD + "    return F.softplus(-x)\n"
    if kind == 7:
        return f"broken-{tag}", sound_loss(key).replace("return", "return undefined_name *")
    if kind == 8:
        return f"evil-{tag}", HEAD + "    open('/etc/passwd').read()\n    return -x\n"
    return f"sound-{tag}", sound_loss(key)


def answer(messages: list[dict[str, str]], key: str, request_format: object) -> tuple[str, str]:
    """The reply to a request and why it ends."""
    last = messages[-1]["content"]
    whole = "\n".join(message["content"] for message in messages)
    if "[[rating]]" in whole:
        return f"The answer is fair.\n\nRating: [[{1 + number(key, 'rating') % 10}]]", "stop"
    if "[[A>B]]" in whole:
        return f"Both try. [[{VERDICTS[number(key, 'verdict') % 5]}]]", "stop"
    if 'hypothesis":' in last:
        value = {
            "lesson": "Most differences are noise.",
            "gap": f"width {number(key, 'gap') % 97}",
            "hypothesis": f"A margin of {1 + number(key, 'gap') % 30 / 10} keeps ordered pairs learning.",
        }
        return "Here is my analysis.\n" + json.dumps(value), "stop"
    if '"edits"' in last:
        return json.dumps({"edits": []}), "stop"
    whole_object = bool(request_format)
    if "You repair losses" in whole:
        if "/etc/passwd" in whole:
            return written("evil", draft_of("open('/etc/passwd')"), whole_object), "stop"
        return written("repaired", sound_loss(key), whole_object), "stop"
    name, code = draft(key)
    if number(key, "kind") % 10 == 9:
        return f"Name: {name}\n\n```python\n{code[:200]}", "length"
    return written(name, code, whole_object), "stop"


def written(name: str, code: str, as_object: bool) -> str:
    if as_object:
        return json.dumps({"thought": "A wider margin.", "name": name, "code": code})
    return f"**Name:** {name}\n\nIt keeps a pull.\n\n```python\n{code}```\n"


def completion(key: str) -> tuple[str, str]:
    """The body of a draft."""
    return draft(key)[1].split("beta):\n", 1)[1], "stop"


def draft_of(statement: str) -> str:
    return HEAD + f"    {statement}\n    return -x\n"


def nonsense(key: str) -> tuple[str, str]:
    words = ("the", "of", "loss", "margin", "1", "def", "(", "beta")
    return " ".join(words[number(key, str(i)) % len(words)] for i in range(40)), "stop"


def refused_part(request: dict[str, Any]) -> str | None:
    """What a plain server refuses first."""
    for name in ("temperature", "seed", "response_format"):
        if name in request:
            return f"Unrecognized request argument supplied: {name}"
    if any(message["role"] == "system" for message in request["messages"]):
        return "System role not supported"
    return None


class State:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.seen: Counter[str] = Counter()
        self.answered: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()
        self.refused = 0


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    state: State
    options: argparse.Namespace

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        state = self.state
        with state.lock:
            repeated = sum(1 for count in state.answered.values() if count > 1)
            self.reply(
                200,
                {
                    "requests": sum(state.seen.values()),
                    "contents": len(state.seen),
                    "repeated": repeated,
                    "answered": sum(state.answered.values()),
                    "refused": state.refused,
                    "faults": dict(state.faults),
                },
            )

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.options.key and self.headers.get("Authorization") != f"Bearer {self.options.key}":
            error = {
                "message": "Incorrect API key provided.",
                "type": "invalid_request_error",
                "code": "invalid_api_key",
            }
            self.reply(401, {"error": error})
            return
        request: dict[str, Any] = json.loads(body)
        if self.options.model and request["model"] != self.options.model:
            message = f"The model `{request['model']}` does not exist."
            self.reply(404, {"error": {"message": message, "type": "invalid_request_error", "code": "model_not_found"}})
            return
        refusal = refused_part(request) if self.options.plain else None
        if refusal:
            with self.state.lock:
                self.state.refused += 1
            self.reply(400, {"error": {"message": refusal, "type": "invalid_request_error", "code": None}})
            return
        parts = ("messages", "prompt", "seed", "temperature")
        key = json.dumps({name: request.get(name) for name in parts}, sort_keys=True)
        with self.state.lock:
            self.state.seen[key] += 1
            earlier = self.state.seen[key] - 1
        fault = self.fault(key, earlier) if self.options.faults else "none"
        time.sleep(self.options.delay)
        if self.options.nonsense:
            text, finish = nonsense(key)
        else:
            text, finish = (
                completion(key)
                if "prompt" in request
                else answer(request["messages"], key, request.get("response_format"))
            )
        value = {
            "id": "x",
            "object": "chat.completion",
            "model": request["model"],
            "choices": [
                {"index": 0, "finish_reason": finish, "text": text}
                if "prompt" in request
                else {"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": text}}
            ],
            "usage": {"prompt_tokens": len(body) // 4, "completion_tokens": len(text) // 4},
        }
        if fault != "none":
            with self.state.lock:
                self.state.faults[fault] += 1
        if fault in {"none", "trickle"}:
            with self.state.lock:
                self.state.answered[key] += 1
        self.misbehave(fault, value)

    def fault(self, key: str, earlier: int) -> str:
        kind = FAULTS[number(key, "fault") % len(FAULTS)]
        times = 1 + number(key, "times") % 3
        return kind if earlier < times else "none"

    def misbehave(self, fault: str, value: dict[str, Any]) -> None:
        data = json.dumps(value).encode()
        if fault == "429":
            self.reply(
                429,
                {"error": {"message": "Rate limit reached, slow down.", "type": "rate_limit"}},
                {"Retry-After": "0"},
            )
        elif fault == "500":
            self.reply(500, {"error": {"message": "The server had an error.", "type": "server_error"}})
        elif fault == "drop":
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
        elif fault == "drop-in-body":
            self.start(200, len(data))
            self.wfile.write(data[: len(data) // 2])
            self.wfile.flush()
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
        elif fault == "malformed":
            broken = data[: len(data) // 2] + b"<html>"
            self.start(200, len(broken))
            self.wfile.write(broken)
        elif fault == "trickle":
            self.start(200, len(data))
            for at in range(0, len(data), max(1, len(data) // 8)):
                self.wfile.write(data[at : at + max(1, len(data) // 8)])
                self.wfile.flush()
                time.sleep(0.02)
        else:
            self.start(200, len(data))
            self.wfile.write(data)

    def start(self, status: int, length: int, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(length))
        for name, text in (headers or {}).items():
            self.send_header(name, text)
        self.end_headers()

    def reply(self, status: int, value: dict[str, Any], headers: dict[str, str] | None = None) -> None:
        data = json.dumps(value).encode()
        self.start(status, len(data), headers)
        self.wfile.write(data)


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that was killed is part of the tests and no news."""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--faults", action="store_true")
    parser.add_argument("--nonsense", action="store_true")
    parser.add_argument("--plain", action="store_true")
    parser.add_argument("--key")
    parser.add_argument("--model")
    parser.add_argument("--delay", type=float, default=0.0)
    Handler.options = parser.parse_args()
    Handler.state = State()
    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"http://127.0.0.1:{server.server_address[1]}/v1", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
