"""The loop inside a loss process, beside the generated code and no more trusted than it.

It tells the loss's faults apart for whoever wrote the loss; what the trainer believes is decided in loss_answer.py.
"""

from __future__ import annotations

import json
import mmap
import os
from typing import NoReturn

import torch
from torch import Tensor

from losslab_trainer import loss_wire as wire
from losslab_trainer.contract import LossRejected, LossValues
from losslab_trainer.loss_call import LossFunction, evaluate_loss, load_loss, rejection_for


def serve_loss(memory: mmap.mmap, layers: dict[str, object]) -> NoReturn:
    """Locked down already: loads the loss, then answers requests until the socket closes."""
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
