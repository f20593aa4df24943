"""Whether two losses are the same: what they compute on fixed pairs, however they are written.

Loss values and all four partial derivatives on 64 fixed pairs in four batches, at two values of beta, with what cannot
matter to training removed: an added constant, and a positive factor (which an adaptive optimiser or the learning rate
undoes), each beta by itself. DPO written with softplus is therefore the same loss; DPO with a fixed beta is not. The
numbers are in units of the mean pull on the policy, so 1e-3 means a thousandth of that.

``values`` are the truth: compare them with ``same``. ``hash`` is a quick key: equal losses have equal hashes except
where rounding falls on two sides of a step of 1e-4 (about one pair of rewritings in a hundred thousand).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from losslab_trainer.contract import LossRejected
from losslab_trainer.screening.inputs import Evaluate, fingerprint_grid

BETAS = (0.05, 0.2)
STEP = 1e-4
TOLERANCE = 1e-3
CLIP = 1e4  # what is not finite, or enormous beside everything else, counts as this


@dataclass(frozen=True)
class Fingerprint:
    """For each beta 64 values, then four times 64 partial derivatives."""

    values: tuple[float, ...]

    @property
    def hash(self) -> str:
        steps = [round(value / STEP) for value in self.values]
        return hashlib.sha256(",".join(map(str, steps)).encode()).hexdigest()[:16]

    def to_json(self) -> dict[str, object]:
        return {"hash": self.hash, "values": [round(value, 7) for value in self.values]}


def fingerprint(evaluate: Evaluate) -> Fingerprint | None:
    """In float64, or in float32 where the loss insists on it; ``None`` when it can be evaluated in neither."""
    for dtype in (torch.float64, torch.float32):
        try:
            return Fingerprint(tuple(x for beta in BETAS for x in _normalised(evaluate, beta, dtype).tolist()))
        except LossRejected as rejection:
            if rejection.code not in ("dtype", "exception"):
                raise
    return None


def distance(a: Sequence[float], b: Sequence[float]) -> float:
    """Root mean square difference; infinite between fingerprints of different make."""
    if len(a) != len(b) or not a:
        return float("inf")
    total: float = sum((x - y) ** 2 for x, y in zip(a, b, strict=True))
    return float((total / len(a)) ** 0.5)


def same(a: Sequence[float], b: Sequence[float], tolerance: float = TOLERANCE) -> bool:
    """Whether two losses compute the same, up to an added constant and a positive factor."""
    return distance(a, b) <= tolerance


def _normalised(evaluate: Evaluate, beta: float, dtype: torch.dtype) -> Tensor:
    values, partials = [], []
    for pairs in fingerprint_grid(beta):
        found = evaluate(pairs.to(dtype), beta)
        none = torch.zeros_like(found.losses)
        grads = [found.policy_chosen_grad, found.policy_rejected_grad]
        grads += [g if g is not None else none for g in (found.reference_chosen_grad, found.reference_rejected_grad)]
        values.append(found.losses.double())
        partials.append(torch.stack(grads).double() * (pairs.size / beta))  # a pair's, per unit of beta * logps
    value, partial = torch.cat(values), torch.cat(partials, dim=1)
    finite = partial[:2][torch.isfinite(partial[:2])]
    scale = float(finite.abs().mean()) if len(finite) else 0.0
    known = value[torch.isfinite(value)]
    centre = float(known.mean()) if len(known) else 0.0
    rows = torch.cat((value - centre, partial.flatten()))
    rows = rows / scale if scale > 0 else rows
    return torch.nan_to_num(rows, nan=CLIP, posinf=CLIP, neginf=-CLIP).clamp(-CLIP, CLIP)
