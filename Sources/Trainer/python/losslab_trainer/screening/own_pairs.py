"""The probe on the ground's own pairs: what a loss does with the pairs, batch sizes and beta of its training.

Screening (probe.py) knows none of them; a training does, and has the reference's log-probabilities of its pairs. Before
the first step the loss is asked about as many of them as the batches of each size have: with the policy at its
reference, where training begins, and some way from it. Refused: NaN or infinity; no pull, or one the other way, where a
policy that moved as far from the references of the probe is pulled; and another pull in a batch of a size that will be
trained than among 64 of the same pairs. Whether the pull is right at these margins is not asked: at a small beta some
published losses prefer rejected all the way. A control is asked for finite numbers only, and so is a batch of one pair
for none (a sample variance has none; the training says so when it comes to it).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from losslab_trainer.contract import LossEvaluator, LossRejected
from losslab_trainer.reference_cache import ReferenceLogps
from losslab_trainer.screening.batch_sizes import FEWEST_COMPARED, LEAST_ALIKE, share_alike, slopes_in_rho
from losslab_trainer.screening.inputs import FURTHEST, Quadruple, moved_from, realistic

USUAL = 64  # pairs
MOST_SIZES = 4  # of batches, the largest first; what an order leaves over makes one or two
ADVICE = "Let nothing depend on the number of pairs or on how probable the answers are."


@dataclass(frozen=True)
class Ground:
    """What a loss is about to be trained on, and how."""

    batches: Sequence[Sequence[int] | Tensor]  # places in the reference, in the order of the steps
    reference: ReferenceLogps
    beta: float
    scale: float  # of all log-probabilities, before the loss sees them

    @property
    def sizes(self) -> list[int]:
        """Of the batches, the largest first."""
        return sorted({len(batch) for batch in self.batches}, reverse=True)[:MOST_SIZES]

    def pairs(self) -> Quadruple:
        """The reference's log-probabilities of the first pairs that training sees, as the loss would get them."""
        wanted, places = max([USUAL, *self.sizes]), []
        for batch in self.batches:
            places += [int(place) for place in batch]
            if len(places) >= wanted:
                break
        chosen, rejected = (
            (vector[places[:wanted]] * self.scale).to(torch.float32)
            for vector in (self.reference.chosen, self.reference.rejected)
        )
        return Quadruple(chosen, rejected, chosen, rejected)


def require_sound_on(ground: Ground, loss: LossEvaluator, *, control: bool = False) -> None:
    """Raises LossRejected where the loss cannot train on these pairs; asks it thrice, and twice for each batch size."""
    start = ground.pairs()
    if start.size == 0:
        return
    moved = moved_from(start.reference_chosen, start.reference_rejected).to(torch.float32)
    usual = min(USUAL, start.size)
    judged = not control and usual >= FEWEST_COMPARED
    at_start, away = (_slopes(loss, pairs.head(usual), ground.beta) for pairs in (start, moved))
    if judged:
        _require_pull(at_start, away, _slopes(loss, _elsewhere(moved.head(usual)), ground.beta))
    for size in ground.sizes:
        if size in (1, usual):
            continue
        _slopes(loss, start.head(size), ground.beta)
        slopes = _slopes(loss, moved.head(size), ground.beta)
        both = min(size, usual)
        if judged and both >= FEWEST_COMPARED and share_alike(slopes[:both], away[:both]) < LEAST_ALIKE:
            message = f"Wrong direction in a batch of {size} of the training's own pairs, unlike in one of {usual}."
            raise LossRejected("gradient", f"{message} {ADVICE}", details={"pairs": size, "check": "own-pairs"})


def _elsewhere(pairs: Quadruple) -> Quadruple:
    """The same log-ratios with references of the probe, low enough for every policy to stay below certainty."""
    references = [logps.to(pairs.policy_chosen) - FURTHEST for logps in realistic(pairs.size)[2:]]
    return Quadruple(
        references[0] + (pairs.policy_chosen - pairs.reference_chosen),
        references[1] + (pairs.policy_rejected - pairs.reference_rejected),
        *references,
    )


def _require_pull(at_start: Tensor, away: Tensor, elsewhere: Tensor) -> None:
    """Raises where the pairs are not pulled, or most the other way, unlike pairs with the probe's references."""
    count = len(away)
    if not bool(elsewhere.any()):
        return
    if not bool(away.any() or at_start.any()):
        message = f"No derivative: the loss pulls on 0 of {count} of the training's own pairs."
    elif share_alike(away, elsewhere) < LEAST_ALIKE:
        message = f"Wrong direction on the training's own pairs, {count} of them, unlike on other pairs."
    else:
        return
    raise LossRejected("gradient", f"{message} {ADVICE}", details={"pairs": count, "check": "own-pairs"})


def _slopes(loss: LossEvaluator, pairs: Quadruple, beta: float) -> Tensor:
    """Each pair's derivative from rejected to chosen; raises LossRejected where a number is not finite."""
    try:
        values = loss.evaluate(*pairs, beta)
    except LossRejected as rejection:
        if rejection.code != "nonfinite":
            raise
    else:
        vectors = torch.cat([values.losses, values.policy_chosen_grad, values.policy_rejected_grad])
        if bool(torch.isfinite(vectors).all()):
            return slopes_in_rho(values)
    begins = bool((pairs.policy_chosen == pairs.reference_chosen).all())
    where = "at the reference, where training begins" if begins else "some way from the reference"
    message = f"NaN or infinity in a batch of {pairs.size} of the training's own pairs, {where}. {ADVICE}"
    raise LossRejected("nonfinite", message, details={"pairs": pairs.size, "check": "own-pairs"})
