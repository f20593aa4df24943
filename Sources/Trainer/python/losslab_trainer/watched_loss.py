"""A loss in training, and a witness: the same text in a second loss process that is asked now and then.

Screening sees a loss in one process, training in another. A loss that keeps a count, remembers a batch or reads its
process can tell the two apart; a pure function cannot. The witness is asked what a screening asks first, so that it
answers as a screening would. Then some of training's batches, the first ones among them, are asked of it too, and an
answer that differs by a bit is ``dishonest``. It is also what is probed on the ground's own pairs
(screening/own_pairs.py) before the first step.

Which later batches are compared is drawn by the text and the first batch, so that a training repeats itself and a loss
cannot tell. A sound loss's training is the same bit for bit: it is asked what it was asked before, no more and no less.
"""

from __future__ import annotations

import contextlib
import hashlib
import random
from collections.abc import Callable

import torch
from torch import Tensor

from losslab_trainer.contract import LossEvaluator, LossRejected, LossValues
from losslab_trainer.screening import header, inputs
from losslab_trainer.screening.own_pairs import Ground, require_sound_on

FIRST = 4  # answers compared in any case
ONE_IN = 16  # of the later ones
SCREENED = ((64, torch.float32), (2, torch.float32), (1, torch.float32), (64, torch.bfloat16), (256, torch.float32))
BETA = 0.05

Open = Callable[[str], LossEvaluator]


class WatchedLoss:
    """A LossEvaluator whose answers are compared with a witness's."""

    def __init__(self, source: str, open_process: Open) -> None:
        """Opens both processes. Raises what ``open_process`` raises."""
        self._source = source
        self._answers = 0
        self._draws: random.Random | None = None
        self._verdict: LossRejected | None = None
        with contextlib.ExitStack() as opened:
            self._trained = opened.enter_context(contextlib.closing(open_process(source)))
            self._witness = opened.enter_context(contextlib.closing(open_process(source)))
            self._as_in_screening()
            opened.pop_all()

    def evaluate(
        self,
        policy_chosen_logps: Tensor,
        policy_rejected_logps: Tensor,
        reference_chosen_logps: Tensor,
        reference_rejected_logps: Tensor,
        beta: float,
        *,
        reference_grads: bool = False,
    ) -> LossValues:
        """As the loss in training answers; see LossEvaluator. Raises LossRejected where the witness answers else."""
        if self._verdict is not None:
            raise self._verdict
        pairs = (policy_chosen_logps, policy_rejected_logps, reference_chosen_logps, reference_rejected_logps)
        values = self._trained.evaluate(*pairs, beta, reference_grads=reference_grads)
        self._answers += 1
        if self._is_compared(policy_chosen_logps):
            fresh = self._witness.evaluate(*pairs, beta, reference_grads=reference_grads)
            differing = _differing(values, fresh)
            if differing is not None:
                self._verdict = self._dishonest(differing, len(policy_chosen_logps))
                raise self._verdict
        return values

    def probe(self, ground: Ground) -> None:
        """Asks the witness about the pairs before the first step; see own_pairs.py."""
        require_sound_on(ground, self._witness, control=header.read(self._source).get("control") is True)

    def close(self) -> None:
        """Ends both processes. Closing twice is allowed."""
        try:
            self._trained.close()
        finally:
            self._witness.close()

    def _as_in_screening(self) -> None:
        """Shows the witness the tensors that a screening begins with, and of its further ones some."""
        for size, dtype in SCREENED:
            with contextlib.suppress(LossRejected):
                self._witness.evaluate(*inputs.realistic(size).to(dtype), BETA, reference_grads=True)

    def _is_compared(self, first: Tensor) -> bool:
        if self._draws is None:
            numbers = first.detach().double().cpu().numpy().tobytes()
            self._draws = random.Random(hashlib.sha256(self._source.encode(errors="replace") + numbers).digest())
        return self._answers <= FIRST or self._draws.randrange(ONE_IN) == 0

    def _dishonest(self, what: str, pairs: int) -> LossRejected:
        message = (
            f"Dishonest: at evaluation {self._answers} of its training the loss gave other {what} than a fresh process "
            "gives for the same inputs. Let the loss depend on its five arguments alone."
        )
        return LossRejected("dishonest", message, details={"evaluation": self._answers, "pairs": pairs})


def probe_first(loss: LossEvaluator, ground: Ground) -> None:
    """Before training: raises LossRejected where a watched loss cannot train on these pairs."""
    if isinstance(loss, WatchedLoss):
        loss.probe(ground)


def _differing(values: LossValues, fresh: LossValues) -> str | None:
    """What differs by a bit, in words; None where nothing does."""
    both = {
        "values": (values.losses, fresh.losses),
        "derivatives": (
            torch.cat([values.policy_chosen_grad, values.policy_rejected_grad]),
            torch.cat([fresh.policy_chosen_grad, fresh.policy_rejected_grad]),
        ),
    }
    found = [name for name, (one, other) in both.items() if not _same_bits(one, other)]
    return " and ".join(found) or None


def _same_bits(one: Tensor, other: Tensor) -> bool:
    return torch.equal(one.contiguous().view(torch.uint8), other.contiguous().view(torch.uint8))
