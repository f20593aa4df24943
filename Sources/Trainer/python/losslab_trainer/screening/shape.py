"""What a loss looks like: as a function of rho, of beta, and of the rest of its batch.

Everything is measured, nothing refused. Slopes are derivatives with respect to rho, taken from the partial derivatives
that training would use, so that a detached factor counts as the constant it is for training.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from losslab_trainer.contract import LossRejected, LossValues
from losslab_trainer.screening import inputs
from losslab_trainer.screening.inputs import Evaluate, Quadruple
from losslab_trainer.screening.words import sentences

PAIRS = 32
MOST_TURNS = 8  # extrema that are looked at closer
BETA_FACTOR = 4.0


@dataclass(frozen=True)
class Profile:
    """A loss along rho, in one batch: margins, values, slopes, each (n,), finite points only."""

    beta: float
    rho: Tensor
    values: Tensor
    slopes: Tensor
    complete: bool  # no point was left out

    def crossings(self, direction: int) -> list[float]:
        """Margins where the slope passes zero: +1 upwards (minima), -1 downwards (maxima)."""
        signed = self.slopes * direction
        found = []
        for i in ((signed[:-1] < 0) & (signed[1:] > 0)).nonzero().flatten().tolist():
            share = float(signed[i] / (signed[i] - signed[i + 1]))
            found.append(float(self.rho[i] + share * (self.rho[i + 1] - self.rho[i])))
        flat = (signed[1:-1] == 0) & (signed[:-2] < 0) & (signed[2:] > 0)
        return sorted(found + self.rho[1:-1][flat].tolist())


@dataclass(frozen=True)
class Shape:
    """See Screening in the interface of the check job; ``beta_factor``, ``jump_at`` and extrema only feed the words."""

    reference_free: bool
    depends_only_on_rho: bool
    beta_only_scales: bool
    beta_factor: float | None  # loss(4 beta, logps / 4) over loss(beta, logps), where that is one number
    batch_coupling: float
    monotone: str
    convex: bool
    slope_left: float | None
    slope_right: float | None
    minimum_at: float | None
    minima: list[float] = field(default_factory=list)
    maxima: list[float] = field(default_factory=list)
    jump_at: float | None = None
    flat: bool = False
    beta: float = 0.05

    @property
    def batch_coupled(self) -> bool:
        return self.batch_coupling > 0

    def to_json(self) -> dict[str, object]:
        return {
            "referenceFree": self.reference_free,
            "dependsOnlyOnRho": self.depends_only_on_rho,
            "betaOnlyScalesRho": self.beta_only_scales,
            "batchCoupled": self.batch_coupled,
            "batchCoupling": self.batch_coupling,
            "monotone": self.monotone,
            "convex": self.convex,
            "slopeAtLeft": self.slope_left,
            "slopeAtRight": self.slope_right,
            "minimumAt": self.minimum_at,
            "words": sentences(self),
        }


def shape(evaluate: Evaluate, beta: float = 0.05) -> Shape | None:
    """Measures in float64, or in float32 where the loss insists on it; ``None`` when too little is finite."""
    for dtype, tolerance in ((torch.float64, 1e-9), (torch.float32, 1e-4)):
        try:
            return _measured(evaluate, beta, dtype, tolerance)
        except LossRejected as rejection:
            if rejection.code not in ("dtype", "exception"):
                raise
    return None


def _measured(evaluate: Evaluate, beta: float, dtype: torch.dtype, tolerance: float) -> Shape | None:
    profile = _profile(evaluate, beta, dtype)
    if len(profile.rho) < 10:
        return None
    pairs = _pairs(1, 20.0, dtype)
    values = evaluate(pairs, beta)
    span = _span(values.losses)
    moved = [evaluate(other, beta).losses for other in inputs.same_margins(pairs)]
    beta_factor = _factor(values, evaluate(inputs.scaled(pairs, 1 / BETA_FACTOR), beta * BETA_FACTOR), tolerance)
    steepest = float(profile.slopes.abs().max()) or 1.0
    falling = bool((profile.slopes <= tolerance * steepest).all())
    rising = bool((profile.slopes >= -tolerance * steepest).all())
    minima = profile.crossings(1)
    return Shape(
        reference_free=_unused(values.reference_chosen_grad) and _unused(values.reference_rejected_grad),
        depends_only_on_rho=all(_same(values.losses, other, tolerance * span) for other in moved),
        beta_only_scales=beta_factor is not None and abs(beta_factor - 1) <= 100 * tolerance,
        beta_factor=beta_factor,
        batch_coupling=max(_coupling(evaluate, furthest, beta, dtype, tolerance) for furthest in (20.0, 0.5)),
        monotone="neither" if falling == rising else "decreasing" if falling else "increasing",
        convex=bool((profile.slopes.diff() >= -tolerance * steepest).all()),
        slope_left=float(profile.slopes[0]) + 0.0 if profile.complete else None,
        slope_right=float(profile.slopes[-1]) + 0.0 if profile.complete else None,
        minimum_at=_lowest(profile, minima),
        minima=minima,
        maxima=profile.crossings(-1),
        jump_at=_jump(profile),
        flat=not bool((profile.slopes != 0).any()),
        beta=beta,
    )


def _profile(evaluate: Evaluate, beta: float, dtype: torch.dtype) -> Profile:
    rho = inputs.profile_margins(beta)
    coarse = _profile_at(rho, evaluate, beta, dtype)
    turns = sorted(coarse.crossings(1) + coarse.crossings(-1))[:MOST_TURNS]
    if not turns:
        return coarse
    closer = [torch.linspace(-1, 1, 41, dtype=torch.float64) * _gap(rho, turn) + turn for turn in turns]
    return _profile_at(torch.unique(torch.cat([rho, *closer])), evaluate, beta, dtype)


def _gap(rho: Tensor, place: float) -> float:
    """The distance between the two grid points around a place."""
    i = int(torch.searchsorted(rho, place).clamp(1, len(rho) - 1))
    return float(rho[i] - rho[i - 1])


def _profile_at(rho: Tensor, evaluate: Evaluate, beta: float, dtype: torch.dtype) -> Profile:
    found = evaluate(inputs.along_rho(rho).to(dtype), beta)
    slopes = (found.policy_chosen_grad - found.policy_rejected_grad).double() * (len(rho) / 2)
    values = found.losses.double()
    finite = torch.isfinite(values) & torch.isfinite(slopes)
    return Profile(beta, rho[finite], values[finite], slopes[finite], bool(finite.all()))


def _pairs(first: int, furthest: float, dtype: torch.dtype) -> Quadruple:
    return inputs.realistic(PAIRS, first=first, furthest=furthest).to(dtype)


def _coupling(evaluate: Evaluate, furthest: float, beta: float, dtype: torch.dtype, tolerance: float) -> float:
    """Largest change of a pair's loss when the rest of its batch is replaced or left out, in units of the mean loss."""
    pairs = _pairs(1, furthest, dtype)
    alone = evaluate(pairs, beta).losses
    one, other = (
        evaluate(inputs.mixed(pairs, _pairs(first, furthest, dtype)), beta).losses[:PAIRS] for first in (500, 900)
    )
    unit = float(alone.double().abs().mean()) or 1.0
    change = max(float((a - b).double().abs().max()) for a, b in ((one, other), (alone, one)))
    return change / unit if change > tolerance * unit else 0.0


def _factor(values: LossValues, rescaled: LossValues, tolerance: float) -> float | None:
    """The one number by which the rescaled values differ, or ``None``."""
    a, b = values.losses.double(), rescaled.losses.double()
    unit = float(a.abs().max())
    if unit == 0:
        return 1.0 if float(b.abs().max()) == 0 else None
    factor = float((a * b).sum() / (a * a).sum())
    return factor if _same(b, factor * a, 100 * tolerance * unit * max(abs(factor), 1e-12)) else None


def _lowest(profile: Profile, minima: list[float]) -> float | None:
    """The minimum inside the profile, where nothing at its ends is as low."""
    lowest = int(profile.values.argmin())
    if not minima or lowest in (0, len(profile.rho) - 1):
        return None
    return min(minima, key=lambda rho: abs(rho - float(profile.rho[lowest])))


def _jump(profile: Profile) -> float | None:
    """Where the value changes by far more than its slopes allow, within 20 nats of 0."""
    near = profile.rho.abs() <= 20
    rho, values, slopes = profile.rho[near], profile.values[near], profile.slopes[near]
    if len(rho) < 3:
        return None
    unexplained = (values.diff() - (slopes[1:] + slopes[:-1]) / 2 * rho.diff()).abs()
    worst = int(unexplained.argmax())
    others = torch.cat((unexplained[:worst], unexplained[worst + 1 :]))
    jumps = unexplained[worst] > 0.05 * _span(values) and unexplained[worst] > 10 * others.max()
    return float((rho[worst] + rho[worst + 1]) / 2) if bool(jumps) else None


def _span(values: Tensor) -> float:
    finite = values.double()[torch.isfinite(values)]
    return float(finite.max() - finite.min()) if len(finite) else 0.0


def _same(a: Tensor, b: Tensor, tolerance: float) -> bool:
    return bool(((a - b).double().abs() <= tolerance).all())


def _unused(grad: Tensor | None) -> bool:
    return grad is None or not bool((grad != 0).any())
