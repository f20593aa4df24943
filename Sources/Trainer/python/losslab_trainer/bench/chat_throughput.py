"""Requests a second of LossLab's chat client, beside httpx and OpenAI's Python client.

    .venv-servers/bin/python -m losslab_trainer.bench.chat_throughput --losslab .build/release/losslab [--format json]

All ask the same server on loopback (`losslab system chat-server`, a release build that one thread serves) with the same
body and keep the same number of requests in flight. Rounds take turns, so that all see the same machine.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from losslab_trainer.bench.turns import in_turns

CONCURRENCY = 64
ROUNDS = 5
REQUESTS = 1024  # a round of a Python client
OUR_REQUESTS = 20000  # of ours, so that its rounds take about as long

PROMPT = "Describe what a preference loss does to a policy. " * 24
BODY = {
    "model": "bench",
    "messages": [
        {"role": "system", "content": "You are a careful scientist."},
        {"role": "user", "content": PROMPT},
    ],
    "temperature": 0,
    "max_tokens": 256,
}


@dataclass(frozen=True)
class Rates:
    """Requests a second over the rounds."""

    client: str
    minimum: float
    median: float
    maximum: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--losslab", type=Path, required=True)
    parser.add_argument("--format", choices=("table", "json"), default="table")
    options = parser.parse_args()
    command = [str(options.losslab), "system", "chat-server"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        url = server.stdout.readline().strip()
        rates = measure(options.losslab, url)
        server.stdin.close()
    if options.format == "json":
        print(json.dumps([asdict(rate) for rate in rates]))
        return
    print(f"requests a second with {CONCURRENCY} in flight ({ROUNDS} rounds, taking turns)")
    print(f"{'client':<24}{'min':>9}{'median':>9}{'max':>9}")
    for rate in rates:
        print(f"{rate.client:<24}{rate.minimum:>9.0f}{rate.median:>9.0f}{rate.maximum:>9.0f}")
    ours, *others = [rate.median for rate in rates]
    print(f"LossLab's median is {ours / max(others):.1f} times the better of the others' medians")


def measure(losslab: Path, url: str) -> list[Rates]:
    clients: dict[str, Callable[[], float]] = {
        "LossLab": lambda: with_losslab(losslab, url),
        "httpx": lambda: asyncio.run(with_httpx(url)),
        "OpenAI's Python client": lambda: asyncio.run(with_openai(url)),
    }
    return [Rates(name, *found) for name, found in in_turns(clients, ROUNDS).items()]


def with_losslab(losslab: Path, url: str) -> float:
    arguments = ["--url", url, "--requests", str(OUR_REQUESTS), "--concurrency", str(CONCURRENCY), "--format", "json"]
    command = [str(losslab), "system", "chat-bench", *arguments]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return float(json.loads(output)[0])


async def with_httpx(url: str) -> float:
    import httpx  # noqa: PLC0415  # not where this package is otherwise used

    limits = httpx.Limits(max_connections=CONCURRENCY, max_keepalive_connections=CONCURRENCY)
    async with httpx.AsyncClient(limits=limits, timeout=60) as client:

        async def ask() -> None:
            answer = await client.post(url + "/chat/completions", json=BODY)
            assert answer.json()["choices"][0]["message"]["content"]

        return await rate_of(ask)


async def with_openai(url: str) -> float:
    import openai  # noqa: PLC0415

    async with openai.AsyncOpenAI(base_url=url, api_key="none", max_retries=0) as client:

        async def ask() -> None:
            answer = await client.chat.completions.create(**BODY)
            assert answer.choices[0].message.content

        return await rate_of(ask)


async def rate_of(ask: Callable[[], Awaitable[None]]) -> float:
    """Requests a second: as many tasks as requests in flight, each asking again once answered."""

    async def worker(count: int) -> None:
        for _ in range(count):
            await ask()

    await asyncio.gather(*(worker(2) for _ in range(CONCURRENCY)))  # connections are open now
    share = REQUESTS // CONCURRENCY
    started = time.perf_counter()
    await asyncio.gather(*(worker(share) for _ in range(CONCURRENCY)))
    return share * CONCURRENCY / (time.perf_counter() - started)


if __name__ == "__main__":
    main()
