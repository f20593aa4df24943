"""The zygote: imports torch once, then forks a locked-down process for every loss. It never sees generated code."""

from __future__ import annotations

import argparse
import contextlib
import gc
import json
import mmap
import os
import socket
import sys

import _losslab_worker as worker  # built into losslab-worker

REAP_SECONDS = 1.0


def main(arguments: list[str]) -> int:
    """Says hello, then forks on request until the trainer closes the socket."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--control-fd", type=int, required=True)
    parser.add_argument("--allow-unsandboxed", action="store_true")
    options = parser.parse_args(arguments)
    control = socket.socket(fileno=options.control_fd)

    worker.prepare()
    layers, problem = worker.probe()
    refusal = None if options.allow_unsandboxed else problem
    if refusal is None:
        # Seconds, so not before it is known that losses can be run here at all.
        from losslab_trainer.warm_up import warm_up  # noqa: PLC0415

        warm_up()
    hello = {"python": sys.version.split()[0], "layers": layers, "refusal": refusal}
    control.send(json.dumps(hello).encode())
    # Collections in a child would touch, and so copy, every page of what was imported here.
    gc.collect()
    gc.freeze()

    control.settimeout(REAP_SECONDS)
    while True:
        try:
            message, descriptors, _, _ = socket.recv_fds(control, 4096, 3)
        except TimeoutError:
            _reap()
            continue
        if not message:
            return 0
        _reap()
        _fork(control, json.loads(message)["fork"], descriptors, options.allow_unsandboxed)


def _fork(control: socket.socket, limits: dict[str, int], descriptors: list[int], allow_unsandboxed: bool) -> None:
    from losslab_trainer import loss_host, loss_wire  # noqa: PLC0415 (imported by the warm-up, with torch)

    loss_socket, memory_file, status = descriptors
    # Mapped here, because the loss process may not map files. It inherits the mapping.
    memory = mmap.mmap(memory_file, loss_wire.MEMORY_BYTES)
    try:
        pid, layers = worker.fork(
            loss_socket,
            status,
            limits["extraMemory"],
            limits["cpuSeconds"],
            limits["lifeSeconds"],
            allow_unsandboxed,
        )
    except OSError as error:
        pid, layers = -1, {}
        answer: dict[str, object] = {"error": f"no loss process could be forked: {error.strerror}"}
    if pid == 0:
        loss_host.serve_loss(memory, layers)
    memory.close()
    for descriptor in descriptors:
        os.close(descriptor)
    handles = []
    if pid > 0:
        answer = {"pid": pid}
        # Not reaped yet, so the number cannot have passed to another process.
        handles.append(os.pidfd_open(pid))
    socket.send_fds(control, [json.dumps(answer).encode()], handles)
    for handle in handles:
        os.close(handle)


def _reap() -> None:
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG) != (0, 0):
            pass
