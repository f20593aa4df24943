"""Asks a loss, before training, about a batch as small as the last one of an epoch will be."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from losslab_trainer.contract import LossEvaluator, LossRejected
from losslab_trainer.finetune.problem import FinetuneProblem

NATS = 50.0  # of an answer, about


class LastBatchTooSmall(FinetuneProblem):
    """The loss needs more pairs than the last batch has."""


def require_last_batch(
    loss: LossEvaluator, batches: Sequence[Sequence[int]], batch_size: int, beta: float, scale: float
) -> None:
    """Raises LastBatchTooSmall where the loss takes a batch of ``batch_size``, but not one that the pairs leave over.

    A loss that needs several pairs (a spread, a ranking) would else end a training of hours at the epoch's end, and
    what is wrong is the number of pairs. A loss that takes neither is left to the training to reject.
    """
    smallest = min(map(len, batches), default=batch_size)
    if smallest == batch_size or _takes(loss, smallest, beta, scale) or not _takes(loss, batch_size, beta, scale):
        return
    pairs = 1 + max(i for batch in batches for i in batch)
    others = (size for size in range(batch_size - 1, smallest, -1) if not 0 < pairs % size <= smallest)
    other = next(others, None)
    step = "give more pairs" if other is None else f"take batchSize {other}, give more pairs"
    raise LastBatchTooSmall(
        f"training.batchSize: {pairs} pairs in batches of {batch_size} leave a batch of {smallest}, for which the loss "
        f"gives no finite value, as it does for {batch_size}; {step}, or set maxSteps so that training ends before it"
    )


def _takes(loss: LossEvaluator, size: int, beta: float, scale: float) -> bool:
    generator = torch.Generator().manual_seed(0)
    vectors = [scale * (torch.randn(size, generator=generator) - NATS) for _ in range(4)]
    try:
        values = loss.evaluate(vectors[0], vectors[1], vectors[2], vectors[3], beta)
    except LossRejected:
        return False
    found = (values.losses, values.policy_chosen_grad, values.policy_rejected_grad)
    return all(bool(vector.isfinite().all()) for vector in found)
