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
from typing import Any

from behaviours import GATES, behave
from speakers import speaker_for

Headers = dict[str, str]

SEEN: dict[str, list[dict[str, Any]]] = defaultdict(list)
NOW: Counter[str] = Counter()
MOST: Counter[str] = Counter()

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
            return await behave(self, behaviour, argument, speaker, key)
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
