"""The zygote, and the loop inside a loss process.

The zygote imports torch once, then forks a locked-down child for every loss. In the child, `_serve` runs beside the
generated code and is no more trusted than it: the trainer checks everything that comes out.
"""

from __future__ import annotations

import argparse
import gc
import json
import mmap
import os
import socket
import sys
from typing import NoReturn

import _losslab_worker as worker  # built into losslab-worker
import torch
from torch import Tensor

from losslab_trainer import loss_wire as wire
from losslab_trainer.contract import LossRejected, LossValues
from losslab_trainer.loss_call import LossFunction, evaluate_loss, load_loss, rejection_for
from losslab_trainer.warm_up import warm_up

REAP_SECONDS = 1.0


def main(arguments: list[str]) -> int:
    """The zygote: says hello, then forks on request until the trainer closes the socket."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--control-fd", type=int, required=True)
    parser.add_argument("--allow-unsandboxed", action="store_true")
    options = parser.parse_args(arguments)
    control = socket.socket(fileno=options.control_fd)

    warm_up()
    worker.prepare()
    layers, problem = worker.probe()
    refusal = None if options.allow_unsandboxed else problem
    hello = {"python": sys.version.split()[0], "torch": torch.__version__, "layers": layers, "refusal": refusal}
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
    loss_socket, memory_file, status = descriptors
    # Mapped here, because the loss process may not map files. It inherits the mapping.
    memory = mmap.mmap(memory_file, wire.MEMORY_BYTES)
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
        _serve(memory, layers)
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
    try:
        while os.waitpid(-1, os.WNOHANG) != (0, 0):
            pass
    except ChildProcessError:
        pass


def _serve(memory: mmap.mmap, layers: dict[str, object]) -> NoReturn:
    """Inside the loss process, locked down already: load the loss, then answer requests until the socket closes."""
    os.write(wire.SOCKET, json.dumps(layers).encode())
    source = os.read(wire.SOCKET, wire.LONGEST_SOURCE + 1)
    if not source:
        os._exit(0)
    function: LossFunction | None = None
    try:
        function = load_loss(source.decode())
        os.write(wire.SOCKET, wire.REPLY.pack(0, 0, 0, wire.DONE, 0))
    except LossRejected as rejection:
        _send_rejection(0, 0, 0, rejection)
    while True:
        request = os.read(wire.SOCKET, wire.REQUEST.size)
        if len(request) != wire.REQUEST.size or function is None:
            os._exit(0)
        sequence, batch, dtype, reference_grads, beta = wire.REQUEST.unpack(request)
        try:
            inputs = _packed(memory, 0, 4, batch, wire.DTYPES[dtype])
            values = evaluate_loss(function, list(inputs), beta, reference_grads=bool(reference_grads))
            bits = _write(values, memory, batch, wire.DTYPES[dtype])
        except LossRejected as rejection:
            _send_rejection(sequence, batch, dtype, rejection)
        except BaseException as error:
            _send_rejection(sequence, batch, dtype, rejection_for(error))
        else:
            os.write(wire.SOCKET, wire.REPLY.pack(sequence, batch, dtype, wire.DONE, bits))


def _packed(memory: mmap.mmap, offset: int, rows: int, batch: int, dtype: torch.dtype) -> Tensor:
    return torch.frombuffer(memory, dtype=dtype, count=rows * batch, offset=offset).view(rows, batch)


def _write(values: LossValues, memory: mmap.mmap, batch: int, dtype: torch.dtype) -> int:
    vectors = [values.losses, values.policy_chosen_grad, values.policy_rejected_grad]
    if values.reference_chosen_grad is not None and values.reference_rejected_grad is not None:
        vectors += [values.reference_chosen_grad, values.reference_rejected_grad]
    torch.stack(vectors, out=_packed(memory, wire.OUTPUTS, len(vectors), batch, dtype))
    return sum(1 << index for index, depends in enumerate(values.depends_on) if depends)


def _send_rejection(sequence: int, batch: int, dtype: int, rejection: LossRejected) -> None:
    text = json.dumps({"code": rejection.code, "message": rejection.message, "line": rejection.line})
    reply = wire.REPLY.pack(sequence, batch, dtype, wire.REJECTED, 0) + text.encode()
    os.write(wire.SOCKET, reply[: wire.LONGEST_REPLY])
