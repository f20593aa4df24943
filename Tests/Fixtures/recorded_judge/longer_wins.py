"""A chat server that judges as a bad judge does: the longer of two answers is better, much longer is much better.

usage: longer_wins.py

It reads the two answers between Arena-Hard's marks. The first line printed is the port; it ends when its input closes.
"""

import json
import re
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ANSWER = re.compile(
    r"<\|The Start of Assistant ([AB])'s Answer\|>\n(.*?)\n<\|The End of Assistant \1's Answer\|>", re.S
)


def verdict(prompt: str) -> str:
    lengths = {place: len(answer) for place, answer in ANSWER.findall(prompt)}
    if sorted(lengths) != ["A", "B"]:
        return "I see no two answers."
    if lengths["A"] == lengths["B"]:
        return "Both are as long: [[A=B]]"
    better, worse = ("A", "B") if lengths["A"] > lengths["B"] else ("B", "A")
    return f"[[{better}{'>>' if lengths[better] > 2 * lengths[worse] else '>'}{worse}]]"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))))
        message = {"role": "assistant", "content": verdict(request["messages"][-1]["content"])}
        choice = {"index": 0, "finish_reason": "stop", "message": message}
        usage = {"prompt_tokens": 500, "completion_tokens": 10, "total_tokens": 510}
        body = json.dumps({"model": request["model"], "choices": [choice], "usage": usage}).encode()
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        self.wfile.write(head.encode() + body)

    def log_message(self, format: str, *args: object) -> None:
        pass


def stop_with_input(server: ThreadingHTTPServer) -> None:
    sys.stdin.read()
    server.shutdown()


def main() -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    print(server.server_address[1], flush=True)
    threading.Thread(target=stop_with_input, args=(server,), daemon=True).start()
    server.serve_forever()


if __name__ == "__main__":
    main()
