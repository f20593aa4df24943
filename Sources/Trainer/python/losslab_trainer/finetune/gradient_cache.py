"""One optimizer step's gradient, with the loss seeing the whole batch however little of it fits in memory.

The four vectors of log-probabilities of all pairs go to the loss at once; it answers with values and partial
derivatives. A batch that fits is scored once, with its graph. One that does not is scored without a graph, in
micro-batches, and each micro-batch is then scored again with its graph to carry its share of the partial derivatives
(a gradient cache: Gao et al. 2021, arXiv:2101.06983). Either way the gradient is that of the whole batch's loss.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor

from losslab_trainer.contract import LossEvaluator, LossValues
from losslab_trainer.finetune.layout import Pair, token_count
from losslab_trainer.finetune.memory import is_out_of_memory, release
from losslab_trainer.finetune.problem import FinetuneProblem
from losslab_trainer.finetune.scoring import PairScorer, Scores

Check = Callable[[Tensor, Tensor], None]


class Scaler(Protocol):
    """Makes gradients larger for 16-bit floats (torch.amp.GradScaler)."""

    def scale(self, outputs: Tensor) -> Tensor: ...


@dataclass(frozen=True)
class Evaluated:
    """A batch's log-probabilities and what the loss made of them; gradients are in the parameters."""

    chosen: Tensor  # (B,) nats
    rejected: Tensor
    values: LossValues
    statistics: dict[str, float]  # of tokens, as TRL names them


@dataclass
class GradientCache:
    """Evaluates batches and backpropagates. ``micro_batch_size`` falls when memory runs out."""

    scorer: PairScorer
    loss: LossEvaluator
    beta: float
    logp_scale: float
    micro_batch_size: int
    scaler: Scaler | None = None
    notes: list[str] = field(default_factory=list)

    def step(
        self,
        pairs: Sequence[Pair],
        reference_chosen: Tensor,  # (B,)
        reference_rejected: Tensor,
        clear: Callable[[], None],  # sets all gradients to none
        check: Check = lambda chosen, rejected: None,  # may raise, before the loss sees them
    ) -> Evaluated:
        """Raises LossRejected as the loss does, and FinetuneProblem when a single pair does not fit."""
        generators = _random_state(self.scorer.device)
        while True:
            clear()
            try:
                return self._step(pairs, reference_chosen, reference_rejected, check)
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
                message = str(error).splitlines()[0] if str(error) else type(error).__name__
            # Outside the handler, so that the failed step's tensors are no longer held by its traceback.
            clear()
            release(self.scorer.device)
            _restore(self.scorer.device, generators)
            self._halve(len(pairs), message)

    def _halve(self, batch: int, message: str) -> None:
        size = min(self.micro_batch_size, batch)
        if size <= 1:
            raise FinetuneProblem(
                f"out of memory with a single pair in memory ({message}). Lower training.maxLength, set "
                "model.gradientCheckpointing, train an adapter, quantise the model or take a larger device"
            )
        self.micro_batch_size = (size + 1) // 2
        note = (
            f"out of memory with {size} pairs at once; going on with {self.micro_batch_size}. "
            "The loss still sees the whole batch, so the weights are the same"
        )
        self.notes.append(note)
        print(f"finetune: {note} ({message})", file=sys.stderr)

    def _step(
        self, pairs: Sequence[Pair], reference_chosen: Tensor, reference_rejected: Tensor, check: Check
    ) -> Evaluated:
        parts = _parts(pairs, self.micro_batch_size)
        states: list[tuple[Tensor, ...]] = []
        scored: list[Scores] = []
        for part in parts[:-1]:
            states.append(_random_state(self.scorer.device))
            scored.append(self.scorer.score_without_graph([pairs[i] for i in part], statistics=True))
        # The last needs no second time: its graph is the only one alive.
        last = [pairs[i] for i in parts[-1]]
        scored.append(self.scorer.score(last, statistics=True))

        order = torch.tensor([i for part in parts for i in part])
        back = order.argsort()
        exact = scored[0].chosen.dtype
        chosen, rejected = (
            torch.cat([getattr(scores, side).detach() for scores in scored]).cpu()[back]
            for side in ("chosen", "rejected")
        )
        reference_chosen, reference_rejected = reference_chosen.to(exact), reference_rejected.to(exact)
        check(chosen, rejected)
        scale = self.logp_scale
        values = self.loss.evaluate(
            chosen * scale, rejected * scale, reference_chosen * scale, reference_rejected * scale, self.beta
        )
        factor = scale * self._scale()
        for_chosen, for_rejected = values.policy_chosen_grad * factor, values.policy_rejected_grad * factor

        self._backward(last, scored[-1], for_chosen[parts[-1]], for_rejected[parts[-1]])
        after = _random_state(self.scorer.device)
        for part, state in zip(parts[:-1], states, strict=True):
            _restore(self.scorer.device, state)  # what is random in the forward must come again as it was
            again = [pairs[i] for i in part]
            self._backward(again, self.scorer.score(again), for_chosen[part], for_rejected[part])
        _restore(self.scorer.device, after)
        return Evaluated(chosen, rejected, values, _statistics(scored, parts))

    def _scale(self) -> float:
        return 1.0 if self.scaler is None else float(self.scaler.scale(torch.ones((), device=self.scorer.device)))

    def _backward(self, pairs: Sequence[Pair], scores: Scores, for_chosen: Tensor, for_rejected: Tensor) -> None:
        device = scores.chosen.device
        with self.scorer.backward_of(pairs):
            torch.autograd.backward((scores.chosen, scores.rejected), (for_chosen.to(device), for_rejected.to(device)))


def _parts(pairs: Sequence[Pair], size: int) -> list[list[int]]:
    """Which pairs go together: the longest first, so that what does not fit shows at once."""
    if size >= len(pairs):
        return [list(range(len(pairs)))]
    order = sorted(range(len(pairs)), key=lambda i: token_count(pairs[i]), reverse=True)
    return [order[start : start + size] for start in range(0, len(order), size)]


def _random_state(device: torch.device) -> tuple[Tensor, ...]:
    cpu = torch.get_rng_state()
    return (cpu, torch.cuda.get_rng_state(device)) if device.type == "cuda" else (cpu,)


def _restore(device: torch.device, states: tuple[Tensor, ...]) -> None:
    torch.set_rng_state(states[0])
    if device.type == "cuda":
        torch.cuda.set_rng_state(states[1], device)


def _statistics(scored: Sequence[Scores], parts: Sequence[Sequence[int]]) -> dict[str, float]:
    """TRL's metrics of tokens: means over the completions' tokens of the whole batch."""
    sums = {"entropy": 0.0, "logits/chosen": 0.0, "logits/rejected": 0.0, "mean_token_accuracy": 0.0}
    chosen_tokens = rejected_tokens = 0
    for scores, part in zip(scored, parts, strict=True):
        if scores.tokens is None:
            continue
        completions, found = scores.tokens
        chosen = completions < len(part)
        sums["entropy"] += float(found.entropy.sum())
        sums["logits/chosen"] += float(found.mean_logit[chosen].sum())
        sums["logits/rejected"] += float(found.mean_logit[~chosen].sum())
        sums["mean_token_accuracy"] += float(found.is_top[chosen].sum())
        chosen_tokens += int(chosen.sum())
        rejected_tokens += int((~chosen).sum())
    counts = {"logits/chosen": chosen_tokens, "mean_token_accuracy": chosen_tokens, "logits/rejected": rejected_tokens}
    return {name: total / max(1, counts.get(name, chosen_tokens + rejected_tokens)) for name, total in sums.items()}
