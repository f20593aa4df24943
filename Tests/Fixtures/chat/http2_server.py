"""A chat server that speaks HTTP/2 over TLS only: needs the package h2.

    python3 http2_server.py CERTIFICATE KEY

Prints its port; answers each request after a moment with the numbers of connections so far and of requests being
answered on this one. Ends when its standard input is closed.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
from collections import defaultdict

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, RequestReceived, StreamEnded

connections = 0


class Speaker(asyncio.Protocol):
    """One connection."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        global connections  # noqa: PLW0603  # one server a process
        connections += 1
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.http = H2Connection(H2Configuration(client_side=False))
        self.bodies: dict[int, bytes] = defaultdict(bytes)
        self.open = 0
        self.http.initiate_connection()
        self.flush()

    def flush(self) -> None:
        self.transport.write(self.http.data_to_send())

    def data_received(self, data: bytes) -> None:
        for event in self.http.receive_data(data):
            match event:
                case RequestReceived():
                    self.open += 1
                case DataReceived(stream_id=stream, data=piece, flow_controlled_length=length):
                    self.bodies[stream] += piece
                    self.http.acknowledge_received_data(length, stream)
                case StreamEnded(stream_id=stream):
                    asyncio.get_running_loop().call_later(0.3, self.answer, stream)
        self.flush()

    def answer(self, stream: int) -> None:
        text = json.dumps({"connections": connections, "open": self.open})
        choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
        body = json.dumps({"model": json.loads(self.bodies[stream])["model"], "choices": [choice]}).encode()
        self.http.send_headers(stream, [(":status", "200"), ("content-type", "application/json")])
        self.http.send_data(stream, body, end_stream=True)
        self.open -= 1
        self.flush()


async def main(certificate: str, key: str) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    context.set_alpn_protocols(["h2"])
    server = await asyncio.get_running_loop().create_server(Speaker, "127.0.0.1", 0, ssl=context)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2]))
