"""What to do about the faults that are met most often, in one sentence that a small model can act on."""

from __future__ import annotations

import re
from dataclasses import replace

from losslab_trainer.contract import LossRejected

DIRECTION = "Minimise something that falls when policy_chosen_logps rises."
_SHAPE = re.compile(r"the loss returned shape (\([\d, ]*\)), not \((\d+),\)")
_DTYPE = re.compile(r"the loss returned torch\.(\w+) for torch\.float32 inputs")


def with_advice(rejection: LossRejected) -> LossRejected:
    """The same rejection with a next step in its message, where there is one for its kind."""
    advice = {"shape": _on_shape, "type": _on_type, "dtype": _on_dtype}.get(rejection.code)
    message = advice(rejection.message) if advice is not None else None
    return replace(rejection, message=message) if message is not None else rejection


def on_nonfinite(rho: float, scaled: float) -> str:
    """What to do about NaN or infinity that is met first at a margin ``rho``, of which the loss sees ``scaled``."""
    if abs(rho) < 1e-3:
        return "Every training starts there: add 1e-6 below a root or fraction bar, and before a logarithm."
    if abs(scaled) > 1:
        return "Use F.logsigmoid, F.softplus or .clamp() in place of exp and log."
    return "Multiply by beta first, and take logarithms and roots of positive values only."


def _on_shape(message: str) -> str | None:
    # Read from the text: a loss process tells no more than that.
    found = _SHAPE.search(message)
    if found is None:
        return None
    shape, size = found[1], int(found[2])
    if shape == "()":
        advice = "leave out .mean() or .sum() at the end"
    elif shape == f"({2 * size},)":
        advice = "add the two halves instead of joining them"
    elif shape == f"({size}, {size})":
        advice = "leave out unsqueeze, view and [:, None], which pair every value with every other"
    elif shape.startswith(f"({size}, "):
        advice = "add up or leave out the second dimension"
    else:
        advice = "keep the shape of policy_chosen_logps"
    return f"Wrong shape: the loss has shape {shape}, not ({size},). Return one value per pair: {advice}."


def _on_type(message: str) -> str | None:
    if "returned NoneType" in message:
        return f"{message}. End every path with a return of the loss values."
    return f"{message}. Return the tensor of loss values, one per pair."


def _on_dtype(message: str) -> str | None:
    found = _DTYPE.search(message)
    if found is None:
        return None
    if found[1].startswith("float") or found[1] in ("half", "double", "bfloat16"):
        return f"{message}. End with .to(policy_chosen_logps.dtype)."
    return f"{message}. A comparison or a count is no loss: it has no derivative."
