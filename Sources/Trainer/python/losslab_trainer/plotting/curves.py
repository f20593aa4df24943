"""A loss along rho, measured through a LossEvaluator: its value f and its slope f'.

Rho leaves three of the four log-probabilities open. The main curve fixes them so: the reference gives both completions
the same value (``level``); the policy gives the chosen one rho / 2 more than that and the rejected one rho / 2 less;
and all pairs of the batch are alike, so that f' is the derivative of f even where a loss looks at its whole batch. The
other ways reach the same rho differently: a loss for which one of them gives another curve depends on more than rho.

Slopes come from the partial derivatives that training would use: a detached factor is a constant to them.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from losslab_trainer.contract import LossRejected
from losslab_trainer.screening.inputs import Evaluate, Quadruple

BATCH = 16  # pairs, as in training
REFERENCE = -200.0  # nats times the scale: most completions of the embedded worlds lie between -50 and -500
REFERENCE_MARGIN = 50.0  # nats times the scale by which a reference may well prefer one of two completions
# Of the other pairs in a mixed batch: where nine in ten pairs of the base world end with DPO.
MIXED_MARGINS = (-10.0, 85.0)
PRECISIONS = ((torch.float64, 1e-6), (torch.float32, 1e-3))  # dtype, and how far apart equal curves may lie in it


@dataclass(frozen=True)
class Way:
    """One way to reach a margin."""

    name: str
    chosen: float = 0.5  # nats that the policy's chosen value moves as rho grows by 1
    rejected: float = -0.5
    reference_margin: float = 0.0  # by which the reference prefers the chosen completion
    mixed: bool = False  # one pair is meant, the rest of its batch have other margins under policy and reference

    def pairs(self, rho: float, level: float, dtype: torch.dtype) -> Quadruple:
        """A batch at the margin, (BATCH,); the pair that is meant comes first."""
        margins = torch.full((BATCH,), rho, dtype=dtype)
        reference_margins = torch.full((BATCH,), self.reference_margin, dtype=dtype)
        if self.mixed:
            margins[1:] = torch.linspace(*MIXED_MARGINS, BATCH - 1, dtype=dtype)
            reference_margins[1::2], reference_margins[2::2] = REFERENCE_MARGIN, -REFERENCE_MARGIN
        reference_chosen, reference_rejected = level + reference_margins / 2, level - reference_margins / 2
        return Quadruple(
            reference_chosen + self.chosen * margins,
            reference_rejected + self.rejected * margins,
            reference_chosen,
            reference_rejected,
        )


MAIN = Way("chosen up and rejected down by half")
OTHER_WAYS = (
    Way("chosen up alone", 1.0, 0.0),
    Way("rejected down alone", 0.0, -1.0),
    Way(f"reference prefers the chosen by {REFERENCE_MARGIN:g}", reference_margin=REFERENCE_MARGIN),
    Way("one pair in a mixed batch", mixed=True),
)


@dataclass(frozen=True)
class Curve:
    """Values and slopes over a grid, (n,) each in float64; NaN or infinity where the loss gives them."""

    way: str
    values: Tensor
    slopes: Tensor


@dataclass(frozen=True)
class Profile:
    """A loss over a grid of rho: the main curve, and those other ways that give another one."""

    rho: Tensor  # (n,), 0 among them
    level: float  # the reference's log-probabilities, times the scale
    main: Curve
    others: list[Curve]


def grid(low: float, high: float) -> Tensor:
    """Margins from low to high, more closely around 0, where every training begins; 0 itself, and both sides of it."""
    near = (high - low) / 20
    close = near * torch.arange(-30, 31, dtype=torch.float64) / 30
    wide = torch.linspace(low, high, 241, dtype=torch.float64)
    sides = close.new_tensor([-near, near]) / 1000
    return torch.cat([wide[wide.abs() > near], close, sides]).sort().values


def profile(evaluate: Evaluate, rho: Tensor, beta: float) -> Profile:
    """Measures in float64, or in float32 where the loss insists on it. Raises LossRejected."""
    (dtype, tolerance), narrow = PRECISIONS
    try:
        return _profile(evaluate, rho, beta, dtype, tolerance)
    except LossRejected as rejection:
        if rejection.code not in ("dtype", "exception"):
            raise
        return _profile(evaluate, rho, beta, *narrow)


def _profile(evaluate: Evaluate, rho: Tensor, beta: float, dtype: torch.dtype, tolerance: float) -> Profile:
    # A log-probability is not positive, however far rho goes to one side alone.
    level = min(REFERENCE, -1.25 * float(rho.abs().max()) - REFERENCE_MARGIN)

    def curve(way: Way) -> Curve:
        points = [_point(evaluate, way, way.pairs(margin, level, dtype), beta) for margin in rho.tolist()]
        values, slopes = torch.tensor(points, dtype=torch.float64).unbind(1)
        if way.mixed:
            # What the pair adds to its batch by leaving 0, so that curves can be compared.
            begins = [_point(evaluate, each, each.pairs(0.0, level, dtype), beta)[0] for each in (MAIN, way)]
            values = values + begins[0] - begins[1]
        return Curve(way.name, values, slopes)

    main, *others = (curve(way) for way in (MAIN, *OTHER_WAYS))
    return Profile(rho, level, main, [other for other in others if _differ(main, other, tolerance)])


def _point(evaluate: Evaluate, way: Way, pairs: Quadruple, beta: float) -> tuple[float, float]:
    """Value and slope of the pair that a batch is about.

    The value is the batch's sum over the pairs at that margin: in a sorted batch, single values belong to no pair.
    """
    found = evaluate(pairs, beta)
    moving = 1 if way.mixed else BATCH
    chosen, rejected = (
        BATCH * float(grad[:moving].double().sum()) / moving
        for grad in (found.policy_chosen_grad, found.policy_rejected_grad)
    )
    return float(found.losses.double().sum()) / moving, way.chosen * chosen + way.rejected * rejected


def _differ(one: Curve, other: Curve, tolerance: float) -> bool:
    return _apart(one.values, other.values) > tolerance or _apart(one.slopes, other.slopes) > tolerance


def _apart(one: Tensor, other: Tensor) -> float:
    """The largest distance, in units of the first's largest value."""
    finite = one.isfinite() & other.isfinite()
    if not bool(finite.any()):
        return 0.0
    unit = float(one[finite].abs().max()) or 1.0
    return float((one - other)[finite].abs().max()) / unit
