"""Turns a loss's text into a function and evaluates it: the one place where a loss is called.

Runs inside the locked-down loss process, and in this process for losses that are trusted. Whatever the loss does wrong
ends as LossRejected; what the trainer believes is decided elsewhere (loss_process.py), by looking at the numbers.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Sequence
from types import TracebackType

import torch
from torch import Tensor

from losslab_trainer.contract import LossRejected, LossValues

FILE_NAME = "<loss>"
LongestMessage = 500

LossFunction = Callable[[Tensor, Tensor, Tensor, Tensor, float], object]


def load_loss(source: str) -> LossFunction:
    """Executes the file form and returns its function ``loss``."""
    try:
        namespace: dict[str, object] = {"__name__": "loss"}
        exec(compile(source, FILE_NAME, "exec"), namespace)
        function = namespace.get("loss")
    except SyntaxError as error:
        raise LossRejected("syntax", f"{error.msg}", error.lineno) from None
    except BaseException as error:
        raise rejection_for(error) from None
    if not callable(function):
        raise LossRejected("empty", "the text defines no function named loss")
    return function


def evaluate_loss(
    function: LossFunction,
    inputs: Sequence[Tensor],  # policy chosen, policy rejected, reference chosen, reference rejected, each (B,)
    beta: float,
    *,
    reference_grads: bool = False,
) -> LossValues:
    """Loss values and the partial derivatives of their mean; the inputs are not touched."""
    leaves = [
        tensor.detach().clone().requires_grad_(reference_grads or index < 2) for index, tensor in enumerate(inputs)
    ]
    wanted = leaves if reference_grads else leaves[:2]
    try:
        losses = _checked(function(leaves[0], leaves[1], leaves[2], leaves[3], beta), leaves[0])
        partials: Sequence[Tensor | None] = [None] * len(wanted)
        if losses.requires_grad:
            partials = torch.autograd.grad(losses.mean(), wanted, allow_unused=True)
    except LossRejected:
        raise
    except BaseException as error:
        raise rejection_for(error) from None
    grads = [torch.zeros_like(leaves[0]) if partial is None else partial for partial in partials]
    depends = [partial is not None for partial in partials] + [True] * (4 - len(wanted))
    return LossValues(
        losses=losses.detach(),
        policy_chosen_grad=grads[0],
        policy_rejected_grad=grads[1],
        reference_chosen_grad=grads[2] if reference_grads else None,
        reference_rejected_grad=grads[3] if reference_grads else None,
        depends_on=(depends[0], depends[1], depends[2], depends[3]),
    )


def _checked(losses: object, like: Tensor) -> Tensor:
    if not isinstance(losses, Tensor):
        raise LossRejected("type", f"the loss returned {type(losses).__name__}, not a tensor")
    if losses.shape != like.shape:
        shape = tuple(losses.shape)
        raise LossRejected(
            "shape", f"the loss returned shape {shape}, not ({like.shape[0]},)", details={"shape": str(shape)}
        )
    if losses.dtype != like.dtype:
        raise LossRejected("dtype", f"the loss returned {losses.dtype} for {like.dtype} inputs")
    return losses


def rejection_for(error: BaseException) -> LossRejected:
    """The rejection that says what a loss raised, and in which line of it."""
    name = type(error).__name__
    text = f"{name}: {error}"[:LongestMessage]
    out_of_memory = isinstance(error, MemoryError) or "can't allocate memory" in text
    return LossRejected(
        "memory" if out_of_memory else "exception", text, _line_in_loss(error.__traceback__), {"exception": name}
    )


def _line_in_loss(trace: TracebackType | None) -> int | None:
    lines = [number for frame, number in traceback.walk_tb(trace) if frame.f_code.co_filename == FILE_NAME]
    return lines[-1] if lines else None
