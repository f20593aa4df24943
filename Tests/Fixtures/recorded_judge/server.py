"""A chat server that gives recorded GPT-4 judgments for exactly the requests they were given for.

usage: server.py --data FOLDER [--latency SECONDS]

FOLDER has MT-Bench's layout: judge_prompts.jsonl and model_judgment/gpt-4_single.jsonl(.gz). The base URL of a judged
model is http://127.0.0.1:PORT/MODEL/v1, because the same request was judged differently for different models. A
request must be the one that FastChat sent, byte for byte in its texts: system prompt and user prompt, temperature 0,
2048 tokens, one reply, the judge's name. Anything else is answered with 400 and a reason (404 for an unknown model).
Where the record says that the request failed ($ERROR$), it fails with 500 however often it is sent.
GET /count tells how many requests were served, failed as recorded, and refused. The port is the first line printed.
"""

import argparse
import collections
import gzip
import json
import pathlib
import sys
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

MAX_TOKENS = 2048


class Recording:
    """Judgments by judged model and exact texts of the request."""

    def __init__(self, folder: pathlib.Path) -> None:
        system_prompts = {}
        for line in (folder / "judge_prompts.jsonl").read_text(encoding="utf-8").splitlines():
            prompt = json.loads(line)
            system_prompts[prompt["name"]] = prompt["system_prompt"]
        self.judgments: dict[tuple[str, str, str, str], str] = {}
        self.models = set()
        self.rows = 0
        for row in self.read_rows(folder / "model_judgment"):
            judge, prompt_name = row["judge"]
            key = (row["model"], judge, system_prompts[prompt_name], row["user_prompt"])
            self.judgments[key] = row["judgment"]
            self.models.add(row["model"])
            self.rows += 1

    @staticmethod
    def read_rows(folder: pathlib.Path) -> list[dict[str, Any]]:
        packed = folder / "gpt-4_single.jsonl.gz"
        text = gzip.decompress(packed.read_bytes()) if packed.exists() else packed.with_suffix("").read_bytes()
        return [json.loads(line) for line in text.decode().split("\n") if line]

    def answer(self, model: str, request: Any) -> tuple[int, str]:
        """HTTP status and, with it, a judgment or the reason why there is none."""
        if model not in self.models:
            return 404, f"no judgments are recorded for {model}"
        if not isinstance(request, dict):
            return 400, "the request is no JSON object"
        wanted = {"temperature": 0, "max_tokens": MAX_TOKENS}
        for name, value in wanted.items():
            if request.get(name) != value:
                return 400, f"{name} is {request.get(name)!r}, recorded was {value}"
        surplus = sorted(set(request) - {"model", "messages", "n", "stream", *wanted})
        if surplus or request.get("n", 1) != 1 or request.get("stream", False):
            return 400, f"recorded was one reply in one piece without {surplus}"
        messages = request.get("messages")
        if not isinstance(messages, list) or [sorted(m) for m in messages] != [["content", "role"]] * 2:
            return 400, "recorded was one system and one user message"
        if [m["role"] for m in messages] != ["system", "user"]:
            return 400, "recorded was one system and one user message"
        key = (model, str(request.get("model")), messages[0]["content"], messages[1]["content"])
        judgment = self.judgments.get(key)
        if judgment is None:
            return 400, "no judgment is recorded for exactly these texts"
        if judgment == "$ERROR$":
            return 500, "this request failed when it was recorded"
        return 200, judgment


class Counts:
    """How requests ended, counted across threads."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.by_status: collections.Counter[int] = collections.Counter()
        self.in_flight = 0
        self.most_in_flight = 0

    def begin(self) -> None:
        with self.lock:
            self.in_flight += 1
            self.most_in_flight = max(self.most_in_flight, self.in_flight)

    def end(self, status: int) -> None:
        with self.lock:
            self.in_flight -= 1
            self.by_status[status] += 1

    def summary(self) -> dict[str, int]:
        with self.lock:
            refused = self.by_status[400] + self.by_status[404]
            return {
                "served": self.by_status[200],
                "failedAsRecorded": self.by_status[500],
                "refused": refused,
                "mostInFlight": self.most_in_flight,
            }


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    recording: Recording
    counts: Counts
    latency: float

    def do_POST(self) -> None:
        self.counts.begin()
        status = 500
        try:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            time.sleep(self.latency)
            parts = self.path.split("/")
            if len(parts) != 5 or parts[2:] != ["v1", "chat", "completions"]:
                status, text = 404, f"nothing is at {self.path}"
            else:
                try:
                    request = json.loads(body)
                except ValueError:
                    request = None
                status, text = self.recording.answer(urllib.parse.unquote(parts[1]), request)
        finally:
            self.counts.end(status)
        if status == 200:
            choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
            usage = {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100}
            self.reply(200, {"object": "chat.completion", "model": "gpt-4", "choices": [choice], "usage": usage})
        else:
            self.reply(status, {"error": {"message": text, "type": "recorded_judge"}})

    def do_GET(self) -> None:
        if self.path == "/count":
            self.reply(200, self.counts.summary())
        else:
            self.reply(404, {"error": {"message": f"nothing is at {self.path}"}})

    def reply(self, status: int, value: dict[str, Any]) -> None:
        body = json.dumps(value).encode()
        head = f"HTTP/1.1 {status} Recorded\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        self.wfile.write(head.encode() + body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256


def stop_with_input(server: Server) -> None:
    """Whoever started the server holds its standard input: when that closes, nobody needs it any more."""
    sys.stdin.read()
    server.shutdown()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=pathlib.Path, required=True)
    parser.add_argument("--latency", type=float, default=0.0, help="seconds every reply takes longer")
    arguments = parser.parse_args()
    Handler.recording = Recording(arguments.data)
    Handler.counts = Counts()
    Handler.latency = arguments.latency
    server = Server(("127.0.0.1", 0), Handler)
    print(server.server_address[1], flush=True)
    threading.Thread(target=stop_with_input, args=(server,), daemon=True).start()
    server.serve_forever()


if __name__ == "__main__":
    main()
