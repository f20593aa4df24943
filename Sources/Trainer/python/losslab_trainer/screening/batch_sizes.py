"""Whether a loss does in a batch of any size what it does in one of 64: it may look at how many pairs it gets."""

from __future__ import annotations

import torch

from losslab_trainer.contract import LossRejected, LossValues
from losslab_trainer.screening.inputs import Evaluate, realistic

SIZES = (*range(3, 64), 65, 96, 128, 256)
LEAST_ALIKE = 0.25  # of the pairs are pulled the way they are among 64
FEWEST_COMPARED = 8  # below it, what a batch's own mean or rank does to a pair is not what it does among 64


def flaw_by_size(evaluate: Evaluate, beta: float) -> tuple[LossRejected | None, str]:
    """The first size at which values are not finite or the loss pulls the other way, and what was measured."""
    pairs = realistic(max(SIZES)).to(torch.float32)
    usual = slopes_in_rho(evaluate(pairs.head(64), beta))
    for size in SIZES:
        values = evaluate(pairs.head(size), beta)
        slopes = slopes_in_rho(values)
        if not bool(torch.isfinite(values.losses).all() and torch.isfinite(slopes).all()):
            message = f"NaN or infinity in a batch of {size} pairs. Let nothing depend on the number of pairs."
            return LossRejected("nonfinite", message, details={"pairs": size, "check": "batch-sizes"}), message
        both = min(size, 64)
        if size >= FEWEST_COMPARED and share_alike(slopes[:both], usual[:both]) < LEAST_ALIKE:
            message = (
                f"Wrong direction in a batch of {size} pairs, unlike in one of 64. Let nothing depend on the number "
                "of pairs."
            )
            return LossRejected("gradient", message, details={"pairs": size}), message
    return None, f"finite and of one direction in batches of 3 to {max(SIZES)} pairs"


def share_alike(slopes: torch.Tensor, usual: torch.Tensor) -> float:
    """The share of pulled pairs that are pulled the same way; by signs, since a batch may move single pairs."""
    pulled = (slopes != 0) & (usual != 0)
    return float((slopes[pulled].sign() == usual[pulled].sign()).double().mean()) if bool(pulled.any()) else 1.0


def slopes_in_rho(values: LossValues) -> torch.Tensor:
    """Each pair's own derivative from rejected to chosen, whatever the size of its batch; negative prefers chosen."""
    return (values.policy_chosen_grad - values.policy_rejected_grad).double() * len(values.losses)
