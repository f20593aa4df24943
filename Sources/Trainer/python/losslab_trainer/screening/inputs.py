"""The tensors that a loss is probed with: fixed, without any random generator, so that a measurement can be repeated.

Log-probabilities are sums over a completion, from -5 nats (a few tokens) to -2000 (hundreds of them).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from losslab_trainer.contract import LossValues

SHORTEST, LONGEST = 5.0, 2000.0  # nats of a completion
REFERENCE = -1500.0  # the reference's log-probability where only the margin is meant to vary
FURTHEST = 60.0  # nats that a policy moves from its reference in ordinary training

# Fractional parts of multiples of these fill the unit cube evenly (powers of the root of x^5 = x + 1).
_STEPS = (0.8566748838545029, 0.733891856627126, 0.6287067210378087, 0.5385972572236101)


class Quadruple(NamedTuple):
    """The four arguments of a loss, each (B,)."""

    policy_chosen: Tensor
    policy_rejected: Tensor
    reference_chosen: Tensor
    reference_rejected: Tensor

    @property
    def rho(self) -> Tensor:
        return (self.policy_chosen - self.policy_rejected) - (self.reference_chosen - self.reference_rejected)

    @property
    def size(self) -> int:
        return self.policy_chosen.shape[0]

    def to(self, dtype: torch.dtype) -> Quadruple:
        return Quadruple(*(x.to(dtype) for x in self))

    def head(self, size: int) -> Quadruple:
        return Quadruple(*(x[:size] for x in self))


Evaluate = Callable[[Quadruple, float], LossValues]  # all four partial derivatives; NaN and infinity handed on


def _evenly(size: int, first: int = 1) -> list[Tensor]:
    index = torch.arange(first, first + size, dtype=torch.float64)
    return [(0.5 + index * step) % 1.0 for step in _STEPS]


def realistic(size: int, first: int = 1, furthest: float = FURTHEST) -> Quadruple:
    """Completions of all lengths, and a policy some way from its reference. Another ``first``, other pairs."""
    lengths_chosen, lengths_rejected, *_ = _evenly(size, first)
    references = [-SHORTEST * (LONGEST / SHORTEST) ** u for u in (lengths_chosen, lengths_rejected)]
    return moved_from(references[0], references[1], first, furthest)


def moved_from(
    reference_chosen: Tensor, reference_rejected: Tensor, first: int = 1, furthest: float = FURTHEST
) -> Quadruple:
    """A policy some way from a reference, as ordinary training takes it. Another ``first``, other moves."""
    references = (reference_chosen, reference_rejected)
    moves = _evenly(len(reference_chosen), first)[2:]
    policies = []
    for reference, moved in zip(references, moves, strict=True):
        span = (0.3 * reference.abs() + 1.0).clamp(max=furthest)
        policies.append((reference + span * (2 * moved - 1)).clamp(max=-0.5))
    return Quadruple(policies[0], policies[1], *references)


def untrained(size: int) -> Quadruple:
    """The first step of every training: the policy is its reference, so rho = 0 for all pairs.

    In eighths of a nat, so that rho is exactly 0 in float32 whatever the order in which it is summed.
    """
    chosen, rejected = (torch.round(8 * logps) / 8 for logps in realistic(size)[2:])
    return Quadruple(chosen, rejected, chosen.clone(), rejected.clone())


def around_reference(size: int, beta: float) -> Quadruple:
    """A policy early in training: log-ratios within 0.5 / beta, log-probabilities from -1 / beta to -20 / beta."""
    lengths_chosen, lengths_rejected, moved_chosen, moved_rejected = _evenly(size)
    references = [-(20.0**u) / beta for u in (lengths_chosen, lengths_rejected)]
    policies = [
        reference + (reference.abs() / 2).clamp(max=0.5 / beta) * (2 * moved - 1)
        for reference, moved in zip(references, (moved_chosen, moved_rejected), strict=True)
    ]
    return Quadruple(policies[0], policies[1], references[0], references[1])


def along_rho(rho: Tensor) -> Quadruple:
    """Pairs that differ in their margin alone: half of it on the chosen side, half on the rejected."""
    reference = torch.full_like(rho, REFERENCE)
    return Quadruple(reference + rho / 2, reference - rho / 2, reference.clone(), reference.clone())


def margins_up_to(furthest: float, steps: int = 8) -> Tensor:
    """Margins of both signs, from a hundredth of the furthest to it, evenly in their logarithm; and 0."""
    sizes = furthest * 10 ** torch.linspace(-2, 0, steps, dtype=torch.float64)
    return torch.cat((-sizes.flip(0), torch.zeros(1, dtype=torch.float64), sizes))


def profile_margins(beta: float) -> Tensor:
    """Where a loss's shape is looked at: beta * rho from -20 to 20, and every half nat of rho near 0."""
    wide = torch.linspace(-20, 20, 161, dtype=torch.float64) / beta
    near = torch.linspace(-20, 20, 81, dtype=torch.float64)
    return torch.tensor(sorted({*wide.tolist(), *near.tolist()}), dtype=torch.float64)


def fingerprint_grid(beta: float) -> list[Quadruple]:
    """64 pairs in four batches of 16, chosen so that what a loss may take from its batch differs between them.

    In the first three, beta times either log-ratio lies within 3: around 0, mostly gains, mostly losses. In the last
    the policy has moved by less than half a nat, whatever beta is.
    """
    spans = (3.0 / beta, 3.0 / beta, 3.0 / beta, 0.5)
    shifts = (0.0, 0.6, -0.6, 0.2)
    batches = []
    for k, (span, shift) in enumerate(zip(spans, shifts, strict=True)):
        lengths_chosen, lengths_rejected, moved_chosen, moved_rejected = _evenly(16, 11 + 16 * k)
        shortest = SHORTEST if shift <= 0 else 2 * span * (1 + shift) + SHORTEST  # a log-probability is not positive
        references = [-shortest * (LONGEST / shortest) ** u for u in (lengths_chosen, lengths_rejected)]
        policies = []
        for reference, moved in zip(references, (moved_chosen, moved_rejected), strict=True):
            step = span * (2 * moved - 1 + shift)
            policies.append(reference + torch.where(reference + step > -0.1, -step.abs(), step))
        batches.append(Quadruple(policies[0], policies[1], references[0], references[1]))
    return batches


def same_margins(pairs: Quadruple) -> list[Quadruple]:
    """The same rho at other places: both policy values moved together, then both chosen values."""
    index = torch.arange(pairs.size, dtype=pairs.policy_chosen.dtype)
    step = -1.0 - 20.0 * (index * math.pi % 1.0)
    return [
        Quadruple(pairs.policy_chosen + step, pairs.policy_rejected + step, *pairs[2:]),
        Quadruple(
            pairs.policy_chosen + step, pairs.policy_rejected, pairs.reference_chosen + step, pairs.reference_rejected
        ),
    ]


def mixed(first: Quadruple, second: Quadruple) -> Quadruple:
    """One batch of both, the first's pairs in front."""
    return Quadruple(*(torch.cat((a, b)) for a, b in zip(first, second, strict=True)))


def scaled(pairs: Quadruple, factor: float) -> Quadruple:
    """All four log-probabilities times a factor; beta divided by it should undo that."""
    return Quadruple(*(x * factor for x in pairs))
