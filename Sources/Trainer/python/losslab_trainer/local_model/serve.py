"""Serves one GGUF file with llama.cpp on a loopback port: `python -m losslab_trainer.local_model.serve --model FILE`.

The first line of standard input is the key that requests must carry; it is on no command line and in no environment.
When the server answers, one line of JSON says where: {"event": "ready", "base_url": "http://127.0.0.1:4321/v1"}. The
process ends when its standard input does.
"""

import argparse
import json
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from losslab_trainer.failures import at
from losslab_trainer.local_model.lifeline import end_with_standard_input
from losslab_trainer.local_model.request import sha256_of


@dataclass(frozen=True)
class Serving:
    """What is served, and how much of the machine it may have."""

    model: Path
    # Name under which requests ask for the model.
    alias: str
    # 0 takes a free one.
    port: int
    # Replies written at the same time.
    slots: int
    # Tokens of prompt and reply together, in each slot.
    context: int
    threads: int
    # What the file must have; empty for one that nobody vouched for.
    sha256: str
    events_fd: int


def parse(arguments: Sequence[str]) -> Serving:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="losslab_trainer.local_model.serve")
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--alias", default="local")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--slots", type=int, default=1)
    parser.add_argument("--context", type=int, default=4096)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--sha256", default="")
    parser.add_argument("--events-fd", type=int, default=1)
    read = parser.parse_args(arguments)
    return Serving(
        model=read.model,
        alias=read.alias,
        port=read.port,
        slots=read.slots,
        context=read.context,
        threads=read.threads,
        sha256=read.sha256,
        events_fd=read.events_fd,
    )


def share_cores() -> None:
    """Let threads that wait for each other sleep.

    llama.cpp's threads meet several hundred times a token. By default they wait by spinning, so that one of them that
    has to give its core to a training makes the others burn theirs. Must come before libgomp is loaded.
    """
    os.environ["OMP_WAIT_POLICY"] = "passive"
    os.environ["GOMP_SPINCOUNT"] = "0"


def emit(descriptor: int, event: dict[str, object]) -> None:
    """Write one event as a line."""
    os.write(descriptor, (json.dumps(event) + "\n").encode())


def serve(serving: Serving, key: str) -> None:
    """Start the server, say where it is, and let it serve until this process ends."""
    if serving.sha256 and (found := sha256_of(serving.model)) != serving.sha256:
        raise ValueError(f"it has the SHA-256 {found}, expected {serving.sha256}")
    share_cores()
    import xllamacpp  # noqa: PLC0415  (30 MB, and only here)

    params = xllamacpp.CommonParams()
    params.model.path = str(serving.model)
    params.model_alias = {serving.alias}
    params.api_keys = [key]
    params.hostnames = ["127.0.0.1"]
    params.port = serving.port
    params.n_parallel = serving.slots
    params.n_ctx = serving.context * serving.slots
    params.use_jinja = True
    params.ui = False
    params.n_gpu_layers = 0
    # Beyond the slots' own memory llama.cpp would keep up to 8 GiB of earlier prompts.
    params.cache_ram_mib = 0
    for threads in (params.cpuparams, params.cpuparams_batch):
        threads.n_threads = serving.threads
        threads.poll = 0
    server = xllamacpp.Server(params)
    address = str(server.listening_address).removesuffix("/")
    emit(serving.events_fd, {"event": "ready", "base_url": f"{address}/v1"})
    while True:
        signal.pause()


def main() -> None:
    """Serve until standard input ends."""
    serving = parse(sys.argv[1:])
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    key = sys.stdin.buffer.readline().decode().strip()
    if not key:
        emit(serving.events_fd, {"event": "failed", "message": "no key came on standard input"})
        sys.exit(64)
    end_with_standard_input()
    with at(f"{serving.model} cannot be served"):
        serve(serving, key)


if __name__ == "__main__":
    main()
