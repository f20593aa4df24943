"""What crosses the seams of the Python side: the loss evaluator, its values and its rejection.

A *rejection* is the loss's fault and a result: it has a code, a message for whoever wrote the loss, and measured
details. Every other exception is our fault and is retried by the controller.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from torch import Tensor

JSONScalar = str | int | float | bool | None


@dataclass(frozen=True)
class LossValues:
    """One evaluation of a loss on a batch of B preference pairs.

    The four partial derivatives are those of ``losses.mean()``, shape (B,), so a trainer backpropagates them as they
    are. An input on which the loss does not depend has a partial of zeros and False in ``depends_on``.
    """

    losses: Tensor  # (B,)
    policy_chosen_grad: Tensor  # (B,)
    policy_rejected_grad: Tensor  # (B,)
    reference_chosen_grad: Tensor | None = None  # (B,), only when asked for
    reference_rejected_grad: Tensor | None = None  # (B,), only when asked for
    depends_on: tuple[bool, bool, bool, bool] = (True, True, True, True)


class LossEvaluator(Protocol):
    """Evaluates one loss. Conformers: the locked-down loss process, and the in-process one for trusted losses."""

    def evaluate(
        self,
        policy_chosen_logps: Tensor,  # (B,) nats
        policy_rejected_logps: Tensor,  # (B,) nats
        reference_chosen_logps: Tensor,  # (B,) nats
        reference_rejected_logps: Tensor,  # (B,) nats
        beta: float,
        *,
        reference_grads: bool = False,
    ) -> LossValues:
        """Loss values and partial derivatives; inputs are read, never kept. Raises LossRejected."""
        ...

    def close(self) -> None:
        """Ends whatever stands behind this evaluator. Closing twice is allowed."""
        ...


@dataclass
class LossRejected(Exception):
    """A loss that cannot be used, and why. ``code`` is one short word of a fixed set (see REJECTION_CODES)."""

    code: str
    message: str
    line: int | None = None
    details: Mapping[str, JSONScalar] = field(default_factory=dict)

    def __str__(self) -> str:
        place = f" (line {self.line})" if self.line is not None else ""
        return f"{self.code}: {self.message}{place}"

    def to_json(self) -> dict[str, object]:
        return {"code": self.code, "message": self.message, "line": self.line, "details": dict(self.details)}


REJECTION_CODES: Mapping[str, str] = {
    "empty": "there is no text, or no function in it",
    "thoughts-only": "a reply of thoughts without an answer",
    "cut-off": "the token limit ended the reply within its code",
    "no-code": "a reply without a Python function",
    "copied": "the loss is one that the prompt showed, word for word",
    "echoed": "the reply gives back the prompt's words in place of code",
    "syntax": "the text is not Python",
    "signature": "the function does not take the four log-probabilities and beta",
    "forbidden": "a construct, name, import or attribute outside the allow-list",
    "exception": "the loss raised an exception",
    "type": "the loss did not return a tensor",
    "shape": "the loss values do not have shape (B,)",
    "dtype": "the loss values have another dtype than the inputs",
    "nonfinite": "NaN or infinity in the loss values or their derivatives",
    "gradient": "no derivative reaches the policy, or minimising the loss does not raise chosen over rejected",
    "constant": "the values do not depend on the policy: what derivatives there are is rounding",
    "runaway": "minimising the loss sends both answers' log-probabilities down",
    "nondeterministic": "the same inputs gave different values",
    "dishonest": "in training the loss answered otherwise than a fresh process of it did for the same inputs",
    "timeout": "one evaluation took longer than its limit",
    "memory": "the loss needed more memory than its limit",
    "crashed": "the loss process ended: signal or exit code in the details",
    "protocol": "the loss process answered with something that is not an answer",
    "diverged": "training with the loss diverged",
}
