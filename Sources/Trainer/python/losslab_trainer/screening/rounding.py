"""Whether a loss's derivatives are real, or what rounding leaves of a constant's.

A constant written with the policy in it, such as sigmoid(x) + sigmoid(-x), has derivatives near 1e-9 in float32. In
float64 they all but vanish, where real ones stay as they are.
"""

from __future__ import annotations

import torch

from losslab_trainer.contract import LossRejected, LossValues
from losslab_trainer.screening.advice import DIRECTION
from losslab_trainer.screening.inputs import Evaluate, Quadruple

SUSPICIOUS = 1e-6  # per pair; rounding beside values of ordinary size stays below this
SMALLEST = 1e-8  # per pair; Adam divides by the derivative's size plus 1e-8: DPO times 1e-7 does not train, 1e-5 does
REAL = 1e-3  # share of the float32 derivatives that float64 must confirm
ROUNDED = 1e-6  # of the values: float32 keeps seven digits
ALIKE = 0.5  # correlation of the derivatives at two places that are all but the same


def flaw(evaluate: Evaluate, values: LossValues, pairs: Quadruple, beta: float) -> LossRejected | None:
    """Why the derivatives of these float32 values cannot be used: none, rounding, or too small for an optimiser."""
    derivatives = _derivatives(values)
    largest = float(derivatives.abs().max())
    if largest == 0:
        return _without_derivative(evaluate, pairs, beta)
    if not torch.isfinite(derivatives).all():
        return None  # refused as such
    if _is_rounding(evaluate, derivatives, pairs, beta):
        message = f"Constant: the largest derivative, {largest:.2g}, is rounding. {DIRECTION}"
        return LossRejected("constant", message, details={"derivative": largest})
    if largest < SMALLEST:
        message = f"Constant for an optimiser: the largest derivative is {largest:.2g}. Use a larger factor."
        return LossRejected("constant", message, details={"derivative": largest})
    return None


def _without_derivative(evaluate: Evaluate, pairs: Quadruple, beta: float) -> LossRejected:
    here = _in_float64(evaluate, pairs, beta) or evaluate(pairs, beta)
    elsewhere = Quadruple(pairs.policy_chosen - 1, pairs.policy_rejected - 3, *pairs[2:]).to(here.losses.dtype)
    change = float((evaluate(elsewhere, beta).losses - here.losses).double().abs().max())
    if change <= ROUNDED * float(here.losses.double().abs().max()):
        return LossRejected("constant", f"Constant: the policy changes the loss by {change:.2g}. {DIRECTION}")
    message = f"No derivative: the policy changes the loss by {change:.2g}, but no gradient reaches the policy."
    advice = "Leave out .detach(), .item(), torch.no_grad, sign, round and comparisons there."
    return LossRejected("gradient", f"{message} {advice}", details={"derivative": 0.0})


def _is_rounding(evaluate: Evaluate, derivatives: torch.Tensor, pairs: Quadruple, beta: float) -> bool:
    largest = float(derivatives.abs().max())
    exact = _in_float64(evaluate, pairs, beta)
    if exact is not None:
        return float(_derivatives(exact).abs().max()) < REAL * largest
    if largest > SUSPICIOUS:
        return False
    # It insists on float32. Rounding is another one beside the same place; a derivative is not.
    beside = Quadruple(pairs.policy_chosen * (1 + 1e-5), pairs.policy_rejected * (1 - 1e-5), *pairs[2:])
    both = torch.stack((derivatives, _derivatives(evaluate(beside, beta))))
    return not float(torch.corrcoef(both)[0, 1]) > ALIKE


def _in_float64(evaluate: Evaluate, pairs: Quadruple, beta: float) -> LossValues | None:
    """``None`` for a loss that insists on float32."""
    try:
        return evaluate(pairs.to(torch.float64), beta)
    except LossRejected as rejection:
        if rejection.code not in ("dtype", "exception"):
            raise
        return None


def _derivatives(values: LossValues) -> torch.Tensor:
    """Of each pair's loss in the policy's log-probabilities, as if the loss were not coupled: (2B,)."""
    return torch.cat((values.policy_chosen_grad, values.policy_rejected_grad)).double() * len(values.losses)
