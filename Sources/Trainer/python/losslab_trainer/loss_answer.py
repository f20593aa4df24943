"""What the trainer makes of a loss process's answers: numbers that were checked, or a rejection.

The loss process runs generated code, so whatever it sends may be forged. Only the values it was asked for are used, and
of what it tells of itself only a known code and bounded, printable text.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

import torch
from torch import Tensor

from losslab_trainer import loss_wire as wire
from losslab_trainer.contract import LossRejected, LossValues

CODES_OF_A_LOSS = frozenset({"exception", "type", "shape", "dtype", "memory", "syntax", "empty"})
LONGEST_MESSAGE = 500  # characters; it goes to the proposer
NAMES = ("loss values", "policy chosen", "policy rejected", "reference chosen", "reference rejected")


@dataclass(frozen=True)
class LossAnswer:
    """One evaluation's numbers, copied out of the shared memory."""

    outputs: Tensor  # (3, B) or, with reference gradients, (5, B): losses, then partials
    depends_on: tuple[bool, bool, bool, bool]

    def require_finite(self) -> None:
        """Raises LossRejected when a number is NaN or infinite."""
        if bool(torch.isfinite(self.outputs).all()):
            return
        for name, row in zip(NAMES, self.outputs, strict=False):
            count = int((~torch.isfinite(row)).sum())
            if count:
                what = name if name == NAMES[0] else f"derivatives by the {name} log-probabilities"
                details = {"count": count, "of": row.numel()}
                raise LossRejected("nonfinite", f"{count} of {row.numel()} {what} are NaN or infinite", details=details)

    def has_same_bits(self, other: LossAnswer) -> bool:
        return torch.equal(self.outputs.view(torch.uint8), other.outputs.view(torch.uint8))

    def values(self, device: torch.device) -> LossValues:
        rows = self.outputs if device.type == "cpu" else self.outputs.to(device)
        has_reference = rows.shape[0] == 5
        return LossValues(
            losses=rows[0],
            policy_chosen_grad=rows[1],
            policy_rejected_grad=rows[2],
            reference_chosen_grad=rows[3] if has_reference else None,
            reference_rejected_grad=rows[4] if has_reference else None,
            depends_on=self.depends_on,
        )


def parse_reply(message: bytes, sequence: int, batch: int, dtype: int) -> tuple[bool, bool, bool, bool]:
    """Which inputs the loss depends on; raises what the loss process says of the loss, or that it makes no sense."""
    if not wire.REPLY.size <= len(message) <= wire.LONGEST_REPLY:
        raise LossRejected("protocol", f"an answer of {len(message)} bytes", details={"bytes": len(message)})
    *echo, status, bits = wire.REPLY.unpack_from(message)
    text = message[wire.REPLY.size :]
    if echo != [sequence, batch, dtype] or status not in (wire.DONE, wire.REJECTED) or (status == wire.DONE and text):
        raise LossRejected("protocol", "an answer to another question")
    if status == wire.REJECTED:
        raise _told(text)
    return bool(bits & 1), bool(bits & 2), bool(bits & 4), bool(bits & 8)


def _told(text: bytes) -> LossRejected:
    """The loss process's own account of what its loss did."""
    nonsense = LossRejected("protocol", "an answer that is neither values nor a reason")
    try:
        told = json.loads(text)
        code, message, line = told["code"], told["message"], told["line"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return nonsense
    if code not in CODES_OF_A_LOSS or not isinstance(message, str) or not isinstance(line, int | None):
        return nonsense
    printable = "".join(character if character.isprintable() else " " for character in message[:LONGEST_MESSAGE])
    return LossRejected(code, printable, line if line is not None and 0 < line < 1_000_000 else None)
