"""The worker's job ``plot``: losses along rho as numbers and, where a file is named, as a picture.

Behind the curves stand the margins of the pairs that a training uses, under the policy that it ends with. It begins
with rho = 0 for every pair, whatever the loss: the policy is its reference then.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from losslab_trainer.contract import LossRejected
from losslab_trainer.plotting.curves import Curve, Profile, grid, profile
from losslab_trainer.screening.gate import violations
from losslab_trainer.screening.job import measuring

if TYPE_CHECKING:
    from losslab_trainer.serve import Context

BINS = 40
LEAST_SCALED_MARGIN = 2.0  # beta * rho that is shown on both sides even where no pair gets there


@dataclass(frozen=True)
class PlottedLoss:
    """One loss of a picture; ``counts`` of pairs between neighbouring edges, and their margins, unless left out."""

    name: str
    beta: float
    profile: Profile
    margins: Tensor | None  # (n,)
    counts: list[int] | None  # one fewer than the edges

    def to_json(self) -> dict[str, object]:
        return {
            "name": self.name,
            "beta": self.beta,
            "rho": self.profile.rho.tolist(),
            **_curve_json(self.profile.main),
            "dependsOnMoreThanRho": bool(self.profile.others),
            "otherWays": [_curve_json(other) for other in self.profile.others],
            "counts": self.counts,
        }


def plot(job: Mapping[str, Any], context: Context) -> dict[str, object]:
    """Measures each loss, trains with it if ``data`` is true, draws if ``output`` is a path. Raises LossRejected."""
    losses = job["losses"]
    margins = [_margins(job, loss, context) if job["data"] else None for loss in losses]
    known = [each for each in margins if each is not None]
    whole = span(known, [loss["beta"] for loss in losses])
    shown = (-job["range"], job["range"]) if job.get("range") is not None else whole
    edges = bin_edges(shown, whole)
    plotted = [
        PlottedLoss(
            loss["name"],
            loss["beta"],
            _profile(loss, grid(*shown), context),
            found,
            histogram(found, edges) if found is not None else None,
        )
        for loss, found in zip(losses, margins, strict=True)
    ]
    if job.get("output") is not None:
        from losslab_trainer.plotting.picture import draw  # noqa: PLC0415 (costs a second, and only pictures need it)

        draw(plotted, edges, shown, job)
    return {
        "referenceLogps": plotted[0].profile.level,
        "edges": edges.tolist() if known else None,
        "losses": [each.to_json() for each in plotted],
    }


def span(margins: list[Tensor], betas: list[float]) -> tuple[float, float]:
    """All margins that pairs have, and on both sides at least ``LEAST_SCALED_MARGIN``, without pairs twice that."""
    least = LEAST_SCALED_MARGIN / max(betas) * (1 if margins else 2)
    ends = torch.cat([torch.tensor([-least, least]), *margins])
    return float(ends.min()), float(ends.max())


def bin_edges(shown: tuple[float, float], whole: tuple[float, float]) -> Tensor:
    """Edges of equal bins over what is shown; one more bin on either side where there are margins beyond."""
    edges = torch.linspace(*shown, BINS + 1, dtype=torch.float64)
    below, above = edges.new_tensor(whole[:1]), edges.new_tensor(whole[1:])
    return torch.cat([below[below < edges[0]], edges, above[above > edges[-1]]])


def histogram(margins: Tensor, edges: Tensor) -> list[int]:
    """How many margins lie between neighbouring edges; those on an edge count upwards, the last edge's downwards."""
    places = torch.bucketize(margins.double(), edges, right=True) - 1
    return torch.bincount(places.clamp(0, len(edges) - 2), minlength=len(edges) - 1).tolist()


def _margins(job: Mapping[str, Any], loss: Mapping[str, Any], context: Context) -> Tensor:
    from losslab_trainer.train_job import trained_margins  # noqa: PLC0415 (imports transformers)

    try:
        margins = trained_margins({**job, "loss": loss, "beta": loss["beta"]}, context)
        if not bool(margins.isfinite().all()):
            raise LossRejected("diverged", "the trained policy's log-probabilities are not finite")
    except LossRejected as rejection:
        raise _named(loss, rejection) from None
    return margins


def _profile(loss: Mapping[str, Any], rho: Tensor, context: Context) -> Profile:
    try:
        for refusal in violations(loss["source"]):
            raise refusal
        with closing(context.loss_processes.open(loss["source"])) as process:
            found = profile(measuring(process), rho, loss["beta"])
        if not bool((found.main.values.isfinite() & found.main.slopes.isfinite()).any()):
            raise LossRejected("nonfinite", "no finite value and slope at any rho that would be shown")
        return found
    except LossRejected as rejection:
        raise _named(loss, rejection) from None


def _named(loss: Mapping[str, Any], rejection: LossRejected) -> LossRejected:
    """With the loss's name: a picture may have several."""
    message = f"{loss['name']}: {rejection.message}"
    return LossRejected(rejection.code, message, rejection.line, rejection.details)


def _curve_json(curve: Curve) -> dict[str, object]:
    return {"way": curve.way, "f": _finite(curve.values), "slope": _finite(curve.slopes)}


def _finite(values: Tensor) -> list[float | None]:
    return [value if math.isfinite(value) else None for value in values.tolist()]
